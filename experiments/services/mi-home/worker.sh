#!/bin/sh
# The cloud's worker, next to its broker: a request names a device; the worker looks it up in the database, behind the other link,
# and passes the command on. Without the database a request is never answered, though the broker is in the best of health.
while true; do
  mosquitto_sub -h cloud -t request/lamp -q 0 | while read -r action topic; do
    (test "$(timeout 1 redis-cli -h database HGET devices lamp 2>/dev/null)" = "at home" &&
      mosquitto_pub -h cloud -t command/lamp -m "$action $topic") &
  done
  sleep 1
done
