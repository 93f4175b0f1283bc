#!/bin/sh
# phone.sh end-to-end|connection: how the phone finds out whether the cloud is well, every two seconds. /tmp/way says which way the
# button goes: cloud, or hub. /tmp/switches has a line for each change.
#   end-to-end  well is when a command has come out at the other end (here: a lamp that tells its state)
#   connection  well is when the cloud's broker takes a message
# Two bad answers in a row, and the button goes to the hub, for a minute at least; then three good ones bring the cloud back.
way=cloud bad=0 good=0 since=0
echo cloud >/tmp/way
: >/tmp/switches
change() { way=$1; since=$(date +%s); echo "$way" >/tmp/way.new && mv /tmp/way.new /tmp/way; echo "$since $way" >>/tmp/switches; }
while true; do
  topic=answer/check-$(date +%s%N)
  case $1 in
    end-to-end) answer=$(mosquitto_rr -h cloud -t request/lamp -e "$topic" -m "state $topic" -W 2 2>/dev/null) ;;
    connection) mosquitto_pub -h cloud -t hello -m hello && answer=well || answer= ;;
  esac
  if [ -n "$answer" ]; then good=$((good + 1)) bad=0; else bad=$((bad + 1)) good=0; fi
  if [ $way = cloud ] && [ $bad -ge 2 ]; then change hub; fi
  if [ $way = hub ] && [ $good -ge 3 ] && [ $(($(date +%s) - since)) -ge 60 ]; then change cloud; fi
  sleep 2
done
