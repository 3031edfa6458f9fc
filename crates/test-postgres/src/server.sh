# shellcheck shell=sh
# Starts a PostgreSQL in a folder of its own and runs psql in it on the SQL of
# standard input. When that ends, as it does however the test process ends, the
# server is stopped and the folder removed.
set -eu
cd / # The server's user may have no right to the caller's folder.

newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
PATH=$PATH:$newest
if ! command -v initdb >/dev/null; then
  echo 'PostgreSQL is not installed: tests/install installs it' >&2
  exit 1
fi

# PostgreSQL refuses to run as root.
unprivileged() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
  else
    "$@"
  fi
}

folder=$(unprivileged mktemp -d)
stop() {
  unprivileged pg_ctl stop -D "$folder/data" -m immediate -s 2>/dev/null || true
  rm -rf "$folder"
}
trap stop EXIT

unprivileged initdb -D "$folder/data" --username=gatehouse --auth=trust \
  --encoding=UTF8 --no-locale --no-sync --no-instructions >/dev/null
unprivileged pg_ctl start -D "$folder/data" -l "$folder/log" -w -s -o "\
  -c unix_socket_directories=$folder -c listen_addresses= \
  -c max_connections=300 -c fsync=off" || {
  cat "$folder/log" >&2
  exit 1
}

psql -h "$folder" -U gatehouse -d postgres -v ON_ERROR_STOP=1 -XqAt
