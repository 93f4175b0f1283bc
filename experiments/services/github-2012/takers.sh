#!/bin/sh
# takers.sh STORE…: how many of them take a write now.
takers=0
for store; do
  if [ "$(timeout 3 redis-cli -h "$store" set who-takes-a-write me 2>&1)" = OK ]; then takers=$((takers + 1)); fi
done
echo $takers
