#!/bin/bash
# The till's connections to channel A, and its memory (wechat-pay-2022.toml): a pool of open sessions with the ledger, each a
# psql that reads from one pipe and writes to another; pay.sh takes one for a payment. Every second it looks after what went wrong:
#   unknown/N   payment N got no answer. It is asked for by its number, over a new connection; if it is not there, it is made again
#               under the same number. Never through channel B.
#   grey        channel A is not offered. Two trial requests in a row that get through take it away.
set -u
mkdir -p /tmp/till && cd /tmp/till && mkdir -p idle unknown settled
PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH  # Debian's psql is a script that looks for this one
export PGHOST=pay-a PGUSER=bank PGDATABASE=bank PGCONNECT_TIMEOUT=2
ask() { timeout 3 psql -qAtX -v ON_ERROR_STOP=1 -c "$1" 2>/dev/null; }

made=0
open_session() {
  local s=sessions/$((++made)) line=
  mkdir -p "$s" && mkfifo "$s/in" "$s/out"
  psql -qAtX -v ON_ERROR_STOP=1 0<>"$s/in" 1<>"$s/out" 2>/dev/null &
  echo $! >"$s/pid"
  echo "SELECT 'open';" >"$s/in"
  read -r -t 3 line <>"$s/out"
  if [[ $line == open ]]; then ln -s "$PWD/$s" "idle/$made"; else kill $! 2>/dev/null; fi
}
fill() { while (($(ls idle | wc -l) < 6)); do open_session || return; [[ -e idle/$made ]] || return; done; }

fill
touch ready
trials=0
while sleep 1; do
  if [[ -e grey || -n $(ls unknown) ]]; then
    if [[ $(ask 'SELECT 1') == 1 ]]; then trials=$((trials + 1)); else trials=0; fi
    ((trials >= 2)) || continue
    for n in $(ls unknown); do
      found=$(ask "SELECT count(*) FROM payments WHERE number = '$n'") || continue
      if [[ $found == 1 ]]; then echo "made, its answer lost" >"settled/$n"
      else ask "INSERT INTO payments VALUES ('$n', '$n') ON CONFLICT DO NOTHING" && echo "made again" >"settled/$n" || continue; fi
      rm "unknown/$n"
    done
    rm -f grey
  fi
  trials=0
  fill
done
