#!/bin/sh
# accounts.sh: the master of the balances, with five customers who have paid for 25 to 33 calls. It takes writes while at least one
# replica has answered in the last 3 s.
"${0%/*}/../redis/store.sh" master --repl-timeout 5 --repl-ping-replica-period 1 --min-replicas-max-lag 3 &
until redis-cli ping >/dev/null 2>&1; do sleep 0.1; done
for customer in 0 1 2 3 4; do redis-cli hset account:$customer paid $((25 + 2 * customer)) recharges 0 >/dev/null; done
redis-cli config set min-replicas-to-write 1
wait
