#!/bin/bash
# SPDX-License-Identifier: MIT -- complete-checksums: what the guest takes blank or long otherwise, it gets whole and cut, from the moment the key says so
. "$(dirname "$0")/frontends.sh"
start_frontends linux
be1=/local/domain/0/backend/vif/1/0

# got FRAMES: 60 blank checksums and 20 long frames for guest 1; how many were blank and how many long when they came
got()
{
	in_guest sink 1 sink
	run_shim sender 2 generate --dst-mac "${mac[1]}" --count 60 --rate 300 --delay 100 --size 1514 --csum blank || fail "status $?"
	run_shim sender 2 generate --dst-mac "${mac[1]}" --count 20 --rate 20 --delay 100 --size 30000 --gso 1448 || fail "status $?"
	wait_for "kill -USR1 ${in_guest_pid[sink]}; [ \"\$(report sink .received.good)\" -ge $1 ]"
	end_in_guest sink
	[ "$(report sink '"\(.received.bad_csum) \(.received.corrupt) \(.fault_total)"')" = "0 0 0" ] || fail "$(cat "$tmp/sink.out")"
	report sink '"\(.rx.csum_blank) \(.rx.gso)"'
}
[ "$(got 80)" = "80 20" ] || fail "by default: $(cat "$tmp/sink.out")"
xenstore-write $be1/complete-checksums 1
[ "$(got 480)" = "0 0" ] || fail "completed: $(cat "$tmp/sink.out")" # 21 segments each
xenstore-write $be1/complete-checksums 0
[ "$(got 80)" = "80 20" ] || fail "no more: $(cat "$tmp/sink.out")"
