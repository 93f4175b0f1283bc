#!/bin/sh
# store.sh NGINX-CONFIGURATION: the store, and the provisioning service beside it, with an image for new servers: 60 kB, in some two seconds.
mkdir -p /tmp/provision && head -c 60000 /dev/zero >/tmp/provision/image || exit 1
exec nginx -c "$1"
