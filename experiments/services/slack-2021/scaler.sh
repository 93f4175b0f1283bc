#!/bin/bash
# scaler.sh careful|naive HAPROXY-CONFIGURATION: the balancer of the web tier, and what scales it, once a second, between 2 servers and 16:
#   careful   by workers that are taken, working or waiting. More than 70%: four more, and none while these are on their way. Less than 20%
#             for 8 s: one less
#   naive     by work that is done, as CPU time tells it. Less than 45% for 2 s: one less; more than 75%: one more. And when users have waited
#             in line for 6 s, at once all that there are
# CPU time is reckoned, 60 ms for each answer: that of a test bed tells of the test bed.
design=$1
haproxy -db -f "$2" &

ask() {
  exec 3<>/dev/tcp/127.0.0.1/9999 || return
  echo "$1" >&3
  cat <&3
  exec 3>&-
}

states=(- up up up up up up down down down down down down down down down down)
count() { local each n=0; for each in "${states[@]}"; do if [ "$each" = "$1" ]; then n=$((n + 1)); fi; done; echo $n; }

# add HOW-MANY: a new server has to be provisioned before it takes part.
add() {
  local i left=$1
  for ((i = 1; i <= 16 && left > 0; i++)); do
    if [ "${states[i]}" = down ]; then
      states[i]=coming left=$((left - 1))
      {
        curl -sf -o /dev/null --max-time 12 http://store:81/image
        echo $? >/tmp/provisioned.$i.part
        mv /tmp/provisioned.$i.part /tmp/provisioned.$i
      } &
      echo "w$i is added"
    fi
  done
}

remove() {
  local i
  for ((i = 16; i >= 1; i--)); do
    if [ "${states[i]}" = up ]; then
      states[i]=down
      ask "set server web/w$i state maint" >/dev/null
      echo "w$i is taken away: $1"
      return
    fi
  done
}

# Those that have what they need take part. One that has not stays as it is, a server in name, for 10 s.
arrived() {
  local i
  for ((i = 1; i <= 16; i++)); do
    if [ "${states[i]}" = broken ] && [ $SECONDS -ge ${since[i]} ]; then states[i]=down; fi
    if [ "${states[i]}" = coming ] && [ -e /tmp/provisioned.$i ]; then
      if grep -qx 0 /tmp/provisioned.$i; then
        states[i]=up
        ask "set server web/w$i state ready" >/dev/null
      else
        states[i]=broken since[i]=$((SECONDS + 10))
        echo "w$i could not be provisioned"
      fi
      rm /tmp/provisioned.$i
    fi
  done
}

since=() low=0 waited=0 then=${EPOCHREALTIME/./} answered=0
while true; do
  sleep 1
  arrived
  read -r taken waiting total < <(ask "show stat web" | awk -F, '$2 ~ /^w/ {taken += $5} $2 == "BACKEND" {print taken + 0, $3, $41}')
  now=${EPOCHREALTIME/./} up=$(count up)
  if [ "${total:-0}" -lt 100 ]; then then=$now answered=${total:-0}; continue; fi  # nobody is there yet, or the balancer is not
  taken=$((100 * taken / (3 * up)))
  cpu=$(((total - answered) * 60000 * 100 / (now - then) / up))
  then=$now answered=$total
  if [ $design = careful ]; then
    if [ $taken -lt 20 ]; then low=$((low + 1)); else low=0; fi
    if [ $taken -gt 70 ] && [ "$(count coming)" = 0 ]; then
      add 4
    elif [ $low -ge 8 ] && [ $up -gt 2 ]; then
      remove "$taken% of the workers are taken"
      low=0
    fi
  else
    if [ $cpu -lt 45 ]; then low=$((low + 1)); else low=0; fi
    if [ $waiting -gt 0 ]; then waited=$((waited + 1)); else waited=0; fi
    if [ $waited -ge 6 ] && [ $up -le 2 ]; then
      add 16
      waited=0
    elif [ $low -ge 2 ] && [ $up -gt 2 ]; then
      remove "$cpu% of CPU"
      low=0
    elif [ $cpu -gt 75 ]; then
      add 1
    fi
  fi
done
