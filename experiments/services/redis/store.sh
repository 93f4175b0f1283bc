#!/bin/sh
# store.sh MASTER [OPTION…]: a redis, on a host of the lab: the master if it is MASTER, a replica of it otherwise. OPTIONs are redis'.
master=$1
shift
if [ "$FAULTLINE_HOST" != "$master" ]; then
  set -- --replicaof "$(getent ahostsv4 "$master" | awk '{print $1; exit}')" 6379 "$@"
fi
# A copy: who makes it a master, or a replica, has it write down in its file what it is.
cp "${0%/*}/../redis.conf" /tmp/redis.conf || exit 1
exec redis-server /tmp/redis.conf --replica-announce-ip "$FAULTLINE_ADDRESS" --repl-diskless-sync-delay 0 "$@"
