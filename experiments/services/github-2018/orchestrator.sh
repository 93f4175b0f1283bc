#!/bin/sh
# orchestrator.sh within-region|anywhere PRIMARY STANDBY: looks after the primary from afar. When it has not answered three times in a row:
#   within-region  says so. The standby is in another region, and stays what it is
#   anywhere       makes the standby the primary
missed=0
while [ $missed -lt 3 ]; do
  if psql -q "host=$2 user=app dbname=postgres connect_timeout=2" -c "select 1" >/dev/null 2>&1; then missed=0; else missed=$((missed + 1)); fi
  sleep 1
done
echo "$2 has not answered three times"
if [ "$1" = anywhere ]; then
  echo "$3 is promoted"
  psql -q "host=$3 user=app dbname=postgres" -c "select pg_promote()"
fi
exec sleep infinity
