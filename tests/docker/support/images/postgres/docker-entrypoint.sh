#!/bin/bash
# The official entrypoint in short: initialise an empty PGDATA with user, password and database, then run the server.
set -euo pipefail
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
  export POSTGRES_PASSWORD="$(<"$POSTGRES_PASSWORD_FILE")"
  unset POSTGRES_PASSWORD_FILE
fi
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 03775 /var/run/postgresql
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?a password is required, as in the official image}"
  user="${POSTGRES_USER:-postgres}"
  initdb --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-local=trust --auth-host=scram-sha-256
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  database="${POSTGRES_DB:-$user}"
  if [ "$database" != postgres ]; then
    if ! command -v psql >/dev/null; then
      echo "CREATE DATABASE \"$database\"" | postgres --single -D "$PGDATA" postgres
      exec "$@"
    fi
    # As the official image: a server that only listens on its socket while the database is made.
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    psql --username="$user" --dbname=postgres -v ON_ERROR_STOP=1 -c "CREATE DATABASE \"$database\""
    pg_ctl -D "$PGDATA" -m fast -w stop
  fi
fi
unset POSTGRES_PASSWORD
exec "$@"
