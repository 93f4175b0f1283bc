#!/bin/sh
# follows.sh: whether the replica on this host follows its master.
redis-cli info replication | grep -q master_link_status:up
