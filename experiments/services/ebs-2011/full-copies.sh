#!/bin/sh
# full-copies.sh VOLUME…: how often a mirror of these volumes was sent the whole volume, since the beginning.
for volume; do redis-cli -h "$volume" info stats || exit 1; done | awk -F : '/^sync_full:/ {sum += $2} END {print sum + 0}'
