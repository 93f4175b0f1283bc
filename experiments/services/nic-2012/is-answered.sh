#!/bin/bash
# is-answered.sh HOST…: whether one of these hosts, other than this one, answers within 3 s. A connection takes a packet there and one back.
asked=0
for host; do
  if [ "$host" = "$HOSTNAME" ]; then continue; fi
  timeout 3 bash -c ": </dev/tcp/$host/80" &
  asked=$((asked + 1))
done
for ((i = 0; i < asked; i++)); do
  if wait -n; then exit 0; fi
done
exit 1
