#!/bin/sh
# audit.sh twice|uncredited|low: what the card company's book and the balances say.
#   twice       charges beyond the first for the same recharge
#   uncredited  calls that a card was charged for, and that are on no balance
#   low         customers who have fewer than 10 calls left
case $1 in
  twice) redis-cli -h card lrange charges 0 -1 | awk 'NF { if (seen[$1]++) twice++ } END { print twice + 0 }' ;;
  uncredited)
    charges=$(redis-cli -h card llen charges)
    printf 'hget account:%s paid\n' 0 1 2 3 4 | redis-cli -h master |
      awk -v charges="$charges" '{ paid += $1 } END { if (NR != 5 || charges == "") exit 1; print 20 * charges - (paid - 145) }'
    ;;
  low)
    calls=$(redis-cli -h meter get calls)
    printf 'hget account:%s paid\n' 0 1 2 3 4 | redis-cli -h master |
      awk -v made=$((${calls:-0} / 5)) '$1 - made < 10 { low++ } END { if (NR != 5) exit 1; print low + 0 }'
    ;;
esac
