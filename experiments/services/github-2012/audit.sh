#!/bin/sh
# audit.sh SENTINEL: how many of the commits that were acknowledged the master has no more.
cp /tmp/acknowledged "/tmp/audited.$$" || exit 1
trap 'rm -f "/tmp/audited.$$"' EXIT
master=$(timeout 4 redis-cli -h "$1" -p 26379 sentinel get-master-addr-by-name files | head -n 1)
answers=$(sed 's/^/exists /' "/tmp/audited.$$" | timeout 5 redis-cli -h "$master") || exit 1
[ "$(echo "$answers" | grep -c '^[01]$')" = "$(wc -l <"/tmp/audited.$$")" ] || exit 1  # each one has its answer
echo "$answers" | grep -c '^0$'
exit 0
