#!/bin/bash
# SPDX-License-Identifier: MIT -- tagged frames pass both ways as they are, beside untagged ones, up to the MTU and a tag
. "$(dirname "$0")/frontends.sh"
start_frontends linux
in_guest echo 2 echo --vlan 42
run_shim sender 1 generate --dst-mac "${mac[2]}" --count 100 --rate 500 --delay 300 --linger 600 --vlan 42 --size 1514 ||
	fail "status $?"
end_in_guest echo
[ "$(report sender '"\(.received.good) \(.received.lost) \(.fault_total)"')" = "100 0 0" ] || fail "$(cat "$tmp/sender.out")"

# another tag, and none, are other frames
in_guest sink 2 sink --vlan 42
run_shim sender 1 generate --dst-mac "${mac[2]}" --count 10 --rate 100 --delay 300 --vlan 43 --size 100
run_shim sender 1 generate --dst-mac "${mac[2]}" --count 10 --rate 100 --delay 300 --size 100
sleep 0.3
end_in_guest sink
[ "$(report sink '"\(.received.good) \(.received.foreign >= 20)"')" = "0 true" ] || fail "$(cat "$tmp/sink.out")"
