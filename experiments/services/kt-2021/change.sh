#!/bin/sh
# change.sh CONFIGURATION: somebody at work on a router gives it another configuration.
birdc -s /tmp/bird.ctl configure "\"$1\"" | grep -q Reconfigured
