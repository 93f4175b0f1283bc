#!/bin/sh
# lamp.sh BROKER: a lamp that does what it is told and says so. A command is "on TOPIC" or "off TOPIC": what to do, and where to
# answer. The command itself is forgotten when nobody is there to take it (QoS 0): a lamp must not go on an hour late.
while true; do
  mosquitto_sub -h "$1" -t command/lamp -q 0 | while read -r action topic; do
    mosquitto_pub -h "$1" -t "$topic" -m "lamp $action" &
  done
  sleep 1
done
