#!/bin/sh
# interior-routes.sh: how many routes this router has taken from the interior protocol.
birdc -s /tmp/bird.ctl show route protocol interior count | awk '/ of .* routes/ {print $1}'
