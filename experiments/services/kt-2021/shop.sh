#!/bin/sh
# shop.sh ROUTER COMMAND…: what COMMAND, on this host, sends to the card company goes through a router of the carrier.
ip route add 203.0.113.0/24 via "$(getent ahostsv4 "$1" | awk '{print $1; exit}')" || exit 1
shift
exec "$@"
