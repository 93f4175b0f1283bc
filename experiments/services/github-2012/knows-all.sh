#!/bin/sh
# Whether this sentinel knows both replicas and both other sentinels.
redis-cli -p 26379 sentinel master files | awk '
  last == "num-slaves" && $1 == 2 || last == "num-other-sentinels" && $1 == 2 { known++ }
  { last = $1 }
  END { exit known != 2 }'
