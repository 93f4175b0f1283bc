#!/bin/sh
# postgres.sh SCHEMA.sql: a PostgreSQL of a lab host's own, in memory, with database and user `bank`; whoever is in the lab may
# connect. Run it as the user postgres (the server refuses root). Wherever the distribution puts the newest server, it is found.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
test -n "$bin" || { echo "no PostgreSQL server in /usr/lib/postgresql: install the package postgresql" >&2; exit 127; }
data=/tmp/ledger
"$bin/initdb" --pgdata "$data" --username bank --auth trust --encoding UTF8 --locale C --no-sync >/dev/null
printf 'host all all 10.77.0.0/16 trust\nhost all all fd77::/16 trust\n' >>"$data/pg_hba.conf"
echo 'CREATE DATABASE bank;' | "$bin/postgres" --single -j -D "$data" postgres >/dev/null
"$bin/postgres" --single -j -D "$data" bank <"$1" >/dev/null
# What is in memory outlives no power cut: there is nothing to be synchronised with. Small, since two or three run at once.
exec "$bin/postgres" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off -c shared_buffers=4MB \
  -c max_connections=60 -c autovacuum=off -c max_wal_size=64MB -c dynamic_shared_memory_type=mmap
