#!/bin/sh
# is-joined.sh: whether this edge has told the internet its route.
birdc -s /tmp/bird.ctl show protocols internet | grep -q Established
