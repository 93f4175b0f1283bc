#!/bin/sh
# lead.sh MEMBERS LEADER: makes LEADER the leader of an etcd cluster, says so in /tmp/leader, and stays.
export ETCDCTL_API=3
id=$(etcdctl --endpoints "http://$2:2379" endpoint status | awk -F ', ' '{print $2}')
until etcdctl --endpoints "http://$2:2379" endpoint status | awk -F ', ' '{exit $5 != "true"}'; do
  # Only the leader hands over.
  for host in $1; do etcdctl --endpoints "http://$host:2379" move-leader "$id" 2>/dev/null; done
  sleep 0.2
done
echo "$2" >/tmp/leader
exec sleep infinity
