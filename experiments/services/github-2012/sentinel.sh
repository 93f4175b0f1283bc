#!/bin/sh
# sentinel.sh MASTER: one of three sentinels. Two that have heard nothing of the master for 8 s make a replica the master.
cat >/tmp/sentinel.conf <<END
bind * -::*
port 26379
protected-mode no
dir /tmp
sentinel announce-ip $FAULTLINE_ADDRESS
sentinel monitor files $(getent ahostsv4 "$1" | awk '{print $1; exit}') 6379 2
sentinel down-after-milliseconds files 8000
sentinel failover-timeout files 20000
sentinel parallel-syncs files 1
END
exec redis-server /tmp/sentinel.conf --sentinel
