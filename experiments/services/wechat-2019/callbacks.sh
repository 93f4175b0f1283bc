#!/bin/sh
# callbacks.sh keep|drop: tells the merchant of payments, in order (wechat-pay-2019.toml). The bank's `outbox` has the numbers of
# those that the merchant does not know of yet; a hundred at most are told at a time. The merchant notes numbers in a set: told
# twice, it releases goods once.
#   keep   numbers leave the outbox when the merchant has said yes; until then they are told again, every second
#   drop   numbers leave the outbox when they have been sent, whatever became of them
set -u
ask() { host=$1; shift; timeout 1 redis-cli -h "$host" "$@" 2>/dev/null; }
while true; do
  numbers=$(ask bank LRANGE outbox 0 99 | tr '\n' ' ')
  if [ -z "${numbers% }" ]; then sleep 0.2; continue; fi
  # shellcheck disable=SC2086  # numbers, one a word
  set -- "$1" $numbers
  mode=$1; shift
  case $(ask merchant SADD released "$@") in
    [0-9]*) ask bank LTRIM outbox $# -1 >/dev/null ;;
    *) if [ "$mode" = drop ]; then ask bank LTRIM outbox $# -1 >/dev/null; else sleep 1; fi ;;
  esac
  set -- "$mode"
done
