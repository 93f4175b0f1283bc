#!/bin/sh
# volume.sh careful|naive: a volume: 4 MB in blocks of 5 kB, on a node that takes writes while a mirror has answered in the last 3 s. A mirror that
# comes back is sent what it missed, as long as the node still knows what that is:
#   careful   an hour
#   naive     3 s. Then it counts as lost, and whoever comes has to be sent the whole volume
case $1 in careful) known=3600 ;; naive) known=3 ;; *) exit 2 ;; esac
"${0%/*}/../redis/store.sh" "$FAULTLINE_HOST" --repl-timeout 4 --repl-ping-replica-period 1 --min-replicas-max-lag 3 \
  --repl-backlog-size 16mb --repl-backlog-ttl $known --rdbcompression no &
until redis-cli ping >/dev/null 2>&1; do sleep 0.1; done
redis-cli eval 'for i = 0, 799 do redis.call("set", "block:" .. i, string.rep("0123456789abcdef", 320)) end' 0
redis-cli config set min-replicas-to-write 1
wait
