#!/bin/sh
# card.sh: the card company. Its book is the list `charges`; what it is told is in its log.
redis-server "${0%/*}/../redis.conf" --logfile /dev/null &
until redis-cli ping >/dev/null 2>&1; do sleep 0.1; done
exec redis-cli monitor
