#!/bin/sh
# import.sh careful|naive: fetches the supplier's price list and says how many prices there are now (answers-break-off.toml).
#   careful  takes a list for whole when the announced length has come (curl looks), and asks for the rest where it has not
#   naive    takes what has come
list=$(mktemp)
trap 'rm -f "$list"' EXIT
if [ "$1" = careful ]; then
  tries=0
  until curl -sf -m 5 -C - -o "$list" http://supplier/prices; do
    tries=$((tries + 1))
    if [ $tries -ge 12 ]; then exit 1; fi  # yesterday's prices stay
  done
else
  curl -s -m 5 -o "$list" http://supplier/prices
fi
wc -l <"$list"
