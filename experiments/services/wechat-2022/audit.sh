#!/bin/bash
# The auditor, who sees both ledgers whatever the till sees: no purchase may have been paid through both channels.
set -u
PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH  # Debian's psql is a script that looks for this one
purchases() { psql -qAtX -h "$1" -U bank -d bank -c 'SELECT purchase FROM payments ORDER BY purchase COLLATE "C"'; }
a=$(purchases pay-a) && b=$(purchases pay-b) || exit 3
twice=$(LC_ALL=C comm -12 <(printf '%s\n' "$a" | sort -u) <(printf '%s\n' "$b" | sort -u) | grep -c .)
echo "paid twice: $twice"
[[ $twice == 0 ]]
