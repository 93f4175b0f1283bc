#!/bin/sh
# callbacks.sh keep|drop: tells the merchant of each payment, in order (wechat-pay-2019.toml). The bank's `outbox` has the numbers
# of payments that the merchant does not know of yet. The merchant notes a number in a set: told twice, it releases goods once.
#   keep   a number leaves the outbox when the merchant has said yes; until then it is tried again, once a second
#   drop   a number leaves the outbox when it has been sent, whatever became of it
set -u
ask() { host=$1; shift; timeout 1 redis-cli -h "$host" "$@" 2>/dev/null; }
while true; do
  number=$(ask bank LINDEX outbox 0)
  if [ -z "$number" ]; then sleep 0.2; continue; fi
  answer=$(ask merchant SADD released "$number")
  case $answer in
    0 | 1) ask bank LPOP outbox >/dev/null ;;
    *) if [ "$1" = drop ]; then ask bank LPOP outbox >/dev/null; else sleep 1; fi ;;
  esac
done
