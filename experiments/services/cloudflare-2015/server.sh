#!/bin/sh
# server.sh DESIGN NGINX-CONFIGURATION: the server, and what it does about paths that are narrower than it thinks (cloudflare-2015-mtu.toml).
#   probing  after some timeouts TCP tries smaller packets (RFC 4821)
#   nothing  TCP sends what it was told that fits, for ever
case $1 in
  probing) echo 1 >/proc/sys/net/ipv4/tcp_mtu_probing || exit 1 ;;
  nothing) echo 0 >/proc/sys/net/ipv4/tcp_mtu_probing || exit 1 ;;
  *) exit 2 ;;
esac
exec nginx -c "$2"
