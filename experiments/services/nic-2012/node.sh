#!/bin/bash
# node.sh PRIORITY CHECK ADDRESS: a web server, and keepalived, which keeps ADDRESS on this host while nobody of a higher PRIORITY sends
# heartbeats. CHECK is a program, or "none": when it says so, because neither the other node nor the witness answers, this host gives the
# address up. Without it, it does so when it is down, and not when it is deaf.
check=
if [ "$2" != none ]; then check='track_script { check }'; fi
cat >/tmp/keepalived.conf <<END
global_defs {
  script_user root
  enable_script_security
}
vrrp_script check {
  script "$2 primary spare witness"
  interval 1
  timeout 5
  fall 2
  rise 2
}
vrrp_instance web {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority $1
  advert_int 2
  virtual_ipaddress { $3/24 }
  $check
}
END
nginx -c "${0%/*}/web.nginx.conf" &
exec keepalived --dont-fork --log-console --vrrp --use-file /tmp/keepalived.conf
