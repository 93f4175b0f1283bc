#!/bin/sh
# call.sh careful|naive: a customer makes a call. The meter counts it; if fewer than 10 calls are left that are paid for, the card is
# charged for 20 more. The call itself is made in any case: exit 0.
#   careful  writes down first what it is about to do, and charges the card under the number of this recharge. A balance that cannot be
#            written is a card that is not charged
#   naive    charges the card, and writes the balance then
call=$(timeout 4 redis-cli -h meter incr calls) || exit 1
customer=$((call % 5)) made=$((call / 5))  # customers take turns
account=account:$customer
# shellcheck disable=SC2046 # two numbers
set -- "$1" $(timeout 4 redis-cli -h master hmget "$account" paid recharges)
[ $# = 3 ] || exit 0
if [ $(($2 - made)) -ge 10 ]; then exit 0; fi
recharge=$customer/$3  # which time it is that this balance is low

case $1 in
  careful)
    [ "$(timeout 4 redis-cli -h master set "recharge:$recharge" begun 2>&1)" = OK ] || exit 0
    timeout 4 redis-cli -h card eval \
      'if redis.call("sadd", "keys", KEYS[1]) == 1 then redis.call("rpush", "charges", KEYS[1]) end return "charged"' \
      1 "$recharge" | grep -qx charged || exit 0
    timeout 4 redis-cli -h master eval \
      'if redis.call("hget", KEYS[1], "recharges") == ARGV[1] then
         redis.call("hincrby", KEYS[1], "paid", 20) redis.call("hincrby", KEYS[1], "recharges", 1) end' 1 "$account" "$3"
    ;;
  naive)
    timeout 4 redis-cli -h card rpush charges "$recharge" || exit 0
    printf 'hincrby %s paid 20\nhincrby %s recharges 1\n' "$account" "$account" | timeout 4 redis-cli -h master
    ;;
esac
exit 0
