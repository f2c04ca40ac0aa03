#!/bin/sh
set -eu
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  find . \! -user "$SERVER_USER" -exec chown "$SERVER_USER" '{}' +
  exec setpriv --reuid="$SERVER_USER" --regid="$SERVER_USER" --init-groups "$0" "$@"
fi
exec "$@"
