#!/bin/sh
# Whether the phone has kept to one way for half a minute at least, each time that it changed.
awk 'NR > 1 && $1 - last < 30 { exit 1 } { last = $1 }' /tmp/switches
