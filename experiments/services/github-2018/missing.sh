#!/bin/sh
# missing.sh DATABASE: how many of the writes that were acknowledged on this host the database has not.
own=$(mktemp -d) || exit 1
trap 'rm -rf "$own"' EXIT
cp /tmp/acknowledged "$own/acknowledged" || exit 1  # before the database is asked: what comes later counts next time
psql -qAt "host=$1 user=app dbname=postgres connect_timeout=2" -c "select number from pushes" >"$own/stored" || exit 1
grep -vxFc -f "$own/stored" "$own/acknowledged"
exit 0
