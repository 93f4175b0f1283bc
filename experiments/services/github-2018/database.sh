#!/bin/sh
# database.sh PRIMARY: a PostgreSQL on a host of the lab: the primary if it is PRIMARY, a standby of it otherwise. The standby is behind by
# what is on its way (asynchronous replication), gives up a connection that is silent for 5 s, and tries a new one every few seconds. Its data
# is in the host's own memory.
for bin in /usr/lib/postgresql/*/bin; do PATH=$bin:$PATH; done
data=/tmp/data
if [ "$FAULTLINE_HOST" = "$1" ]; then
  initdb --pgdata $data --username app --auth trust --locale C --no-sync >/dev/null || exit 1
  printf 'host all all all trust\nhost replication all all trust\n' >>$data/pg_hba.conf
else
  until pg_basebackup --pgdata $data --dbname "host=$1 user=app tcp_user_timeout=2000" --write-recovery-conf \
    --checkpoint fast --no-sync; do
    rm -rf $data
    sleep 0.5
  done
fi
exec postgres -D $data -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off -c wal_keep_size=64MB \
  -c wal_sender_timeout=5s -c wal_receiver_timeout=5s -c wal_retrieve_retry_interval=1s
