#!/bin/sh
# supplier.sh NGINX-CONFIGURATION: a supplier with a price list of 50000 lines, some 290 kB.
mkdir -p /tmp/www && seq 1 50000 >/tmp/www/prices || exit 1
exec nginx -c "$1"
