#!/bin/sh
# router.sh CONFIGURATION ROUTER…: a router of the carrier, on a host of the lab, and the other routers beside it. CONFIGURATION is BIRD's.
conf=$1
shift
# All hosts of the room are on one wire. Nobody is to be told of a shorter way on it.
for switch in all default eth0; do
  echo 0 >/proc/sys/net/ipv4/conf/$switch/send_redirects
  echo 0 >/proc/sys/net/ipv4/conf/$switch/rp_filter
done
echo 1 >/proc/sys/net/ipv4/ip_forward
for router; do echo "$(getent ahostsv4 "$router" | awk '{print $1; exit}');"; done >/tmp/neighbors.conf
echo "router id $FAULTLINE_ADDRESS;" >/tmp/identity.conf
exec bird -f -c "$conf" -s /tmp/bird.ctl
