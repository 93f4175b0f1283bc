#!/bin/bash
# edge.sh BIRD-CONFIGURATION UNBOUND-CONFIGURATION: an edge. It has a name server at 10.53.0.53, tells the internet so by BGP, and looks
# twice a second whether it reaches the data centre. Three times not, and it switches its route off; three times, and on again.
ip address add 10.53.0.53/32 dev lo || exit 1
echo "local-data: \"whoami.social.example. 1 IN A $FAULTLINE_ADDRESS\"" >/tmp/whoami.conf
{ echo "router id $FAULTLINE_ADDRESS;"; cat "$1"; } >/tmp/bird.conf
unbound -d -c "$2" &
bird -f -c /tmp/bird.conf -s /tmp/bird.ctl &
state=well bad=0 good=0
while true; do
  sleep 0.5
  if timeout 0.5 bash -c 'exec 3<>/dev/tcp/datacentre/80' 2>/dev/null; then good=$((good + 1)) bad=0; else bad=$((bad + 1)) good=0; fi
  if [ $state = well ] && [ $bad -ge 3 ]; then
    state=unwell
    echo "the data centre is out of reach: the route is switched off"
    birdc -s /tmp/bird.ctl disable well >/dev/null
  elif [ $state = unwell ] && [ $good -ge 3 ]; then
    state=well
    echo "the data centre is back: the route is switched on"
    birdc -s /tmp/bird.ctl enable well >/dev/null
  fi
done
