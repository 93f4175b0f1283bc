#!/bin/sh
# put.sh PATIENCE NODE…: writes an order to an etcd cluster, to the first of its nodes that takes it within PATIENCE ("1s"). The answer
# decides: an order that was acknowledged is noted in /tmp/acknowledged.
patience=$1
shift
order=order/$(date +%s%N)-$$
for node; do
  if etcdctl --endpoints "http://$node:2379" --command-timeout "$patience" put "$order" paid; then
    echo "$order" >>/tmp/acknowledged
    exit 0
  fi
done
exit 1
