#!/bin/sh
# member.sh MEMBERS [OPTION…]: a member of an etcd cluster, on a host of the lab. MEMBERS are the hosts of all of them: "n1 n2 n3".
# Its data lies in the host's own memory. OPTIONs are etcd's.
members=$1
shift
cluster=
for host in $members; do cluster=$cluster,$host=http://$host:2380; done
exec etcd --name "$FAULTLINE_HOST" --data-dir /tmp/etcd --initial-cluster "${cluster#,}" --initial-cluster-token lab \
  --listen-peer-urls http://0.0.0.0:2380 --initial-advertise-peer-urls "http://$FAULTLINE_HOST:2380" \
  --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls "http://$FAULTLINE_HOST:2379" "$@"
