#!/bin/sh
# converged.sh: whether this router has its three neighbours, and a way to the card company.
birdc -s /tmp/bird.ctl show route for 203.0.113.10 | grep -q unicast || exit 1
test "$(birdc -s /tmp/bird.ctl show ospf neighbors interior | grep -c Full)" = 3
