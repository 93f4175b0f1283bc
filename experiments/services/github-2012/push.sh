#!/bin/sh
# push.sh SENTINEL REPLICAS CONFIRMED: somebody pushes a commit, to the master that this sentinel names. It is acknowledged, and noted in
# /tmp/acknowledged, when the master has taken it and, if CONFIRMED is "yes", REPLICAS of its replicas have it within 2 s.
commit=commit:$$
sentinel=$1 needed=$2
if [ "$3" != yes ]; then needed=0; fi
# shellcheck disable=SC2046 # two words: the address and the port
set -- $(timeout 4 redis-cli -h "$sentinel" -p 26379 sentinel get-master-addr-by-name files)
[ $# = 2 ] || { echo "nobody names the master: $*"; exit 1; }
# shellcheck disable=SC2046 # words: OK and a number, or an error
set -- $(printf 'set %s pushed\nwait %s 2000\n' "$commit" "$needed" | timeout 4 redis-cli -h "$1" -p "$2" 2>&1)
echo "$*"
[ "$1" = OK ] && [ "$2" -ge "$needed" ] && echo "$commit" >>/tmp/acknowledged
