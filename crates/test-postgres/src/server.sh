# shellcheck shell=sh
# Starts a PostgreSQL in a folder of its own. `shared` runs psql in it on the SQL of
# standard input; `dedicated` makes one database, prints the folder and obeys the
# words of standard input; `durable` does so too, and forces commits to the disk. When
# that ends, as it does however the test process ends, the server is stopped and the
# folder removed.
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

case $1 in durable) fsync=on ;; *) fsync=off ;; esac

folder=$(unprivileged mktemp -d)
stop() {
  # A process that a test has stopped hears of no other signal.
  if read -r postmaster 2>/dev/null <"$folder/data/postmaster.pid"; then
    read -r children 2>/dev/null <"/proc/$postmaster/task/$postmaster/children" || true
    # shellcheck disable=SC2086 # Numbers, one for each process.
    kill -CONT "$postmaster" ${children:-} 2>/dev/null || true
  fi
  unprivileged pg_ctl stop -D "$folder/data" -m immediate -s 2>/dev/null || true
  rm -rf "$folder"
}
trap stop EXIT

unprivileged initdb -D "$folder/data" --username=gatehouse --auth=trust \
  --encoding=UTF8 --no-locale --no-sync --no-instructions >/dev/null
start() {
  unprivileged pg_ctl start -D "$folder/data" -l "$folder/log" -w -s -o "\
    -c unix_socket_directories=$folder -c listen_addresses= \
    -c max_connections=300 -c fsync=$fsync \
    -c default_transaction_isolation='${TEST_POSTGRES_ISOLATION:-read committed}'"
}
start || {
  cat "$folder/log" >&2
  exit 1
}

case $1 in
  shared)
    psql -h "$folder" -U gatehouse -d postgres -v ON_ERROR_STOP=1 -XqAt
    ;;
  dedicated | durable)
    createdb -h "$folder" -U gatehouse gatehouse
    echo "$folder"
    while read -r word; do
      case $word in
        # After a kill. The dead, whose number stands in these files, may still be listed
        # as a process, and another may have got it.
        start) rm -f "$folder/data/postmaster.pid" "$folder"/.s.PGSQL.* && start &&
          echo ok || echo failed ;;
        restart) unprivileged pg_ctl restart -D "$folder/data" -l "$folder/log" -m fast -w -s &&
          echo ok || echo failed ;;
      esac
    done
    ;;
esac
