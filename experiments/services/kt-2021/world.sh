#!/bin/sh
# world.sh BIRD-CONFIGURATION NGINX-CONFIGURATION: the rest of the internet: a router that announces some hundred networks, with the card
# company behind it.
ip address add 203.0.113.10/32 dev lo || exit 1
ip route add 203.0.113.20/32 via "$(getent ahostsv4 pay-a | awk '{print $1; exit}')" || exit 1
echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects
echo 0 >/proc/sys/net/ipv4/conf/eth0/send_redirects
echo 1 >/proc/sys/net/ipv4/ip_forward
for third in $(seq 0 199); do echo "route 100.64.$third.0/24 blackhole;"; done >/tmp/networks.conf
echo "router id $FAULTLINE_ADDRESS;" >/tmp/identity.conf
bird -f -c "$1" -s /tmp/bird.ctl &
exec nginx -c "$2"
