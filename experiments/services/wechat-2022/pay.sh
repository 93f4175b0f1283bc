#!/bin/bash
# pay.sh [naive]: one purchase at the till. Exit status: 0 paid, 2 unknown ("before the payment state is clear, do not pay again").
# Who gets no answer from channel A within two seconds does not know whether the payment was made. The till then notes it, and
# greys the channel out; new purchases go to channel B. The naive till pays again at once, through channel B, under a new number.
set -u
cd /tmp/till || exit 1
number=$(date +%s%N)
PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH  # Debian's psql is a script that looks for this one
export PGUSER=bank PGDATABASE=bank PGCONNECT_TIMEOUT=2
pay_through_b() { PGHOST=pay-b psql -qAtX -v ON_ERROR_STOP=1 -c "INSERT INTO payments VALUES ('$1', '$number')" >/dev/null 2>&1; }

session=
if [[ ! -e grey ]]; then
  for candidate in $(ls idle); do
    if mv "idle/$candidate" "busy-$candidate" 2>/dev/null; then session=$candidate; break; fi
  done
fi
if [[ -z $session ]]; then pay_through_b "$number"; exit; fi  # nothing was sent to channel A: nothing can be paid twice

echo "INSERT INTO payments VALUES ('$number', '$number') RETURNING number;" >"busy-$session/in"
answer=
read -r -t 2 answer <>"busy-$session/out"
if [[ $answer == "$number" ]]; then mv "busy-$session" "idle/$session"; exit 0; fi

kill "$(cat "busy-$session/pid")"
rm "busy-$session"
if [[ ${1:-} == naive ]]; then pay_through_b "$number-again"; exit; fi
touch "unknown/$number" grey
exit 2
