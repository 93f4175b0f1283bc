#!/bin/sh
# Whether the merchant knows of every payment that the bank has booked. Ten may be on their way.
booked=$(redis-cli -h bank GET payments) && released=$(redis-cli -h merchant SCARD released) || exit 3
echo "booked ${booked:=0}, released $released"
test $((booked - released)) -le 10
