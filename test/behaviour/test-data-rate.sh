#!/bin/bash
# SPDX-License-Identifier: MIT -- rate and rate-rx hold a guest back, lose nothing, and end when the key does; with two queues as with one
. "$(dirname "$0")/frontends.sh"
start_frontends linux -- --max-queues 2
be1=/local/domain/0/backend/vif/1/0 be2=/local/domain/0/backend/vif/2/0

# limited COUNTER VIF QUEUES: 250 frames of 1514 bytes come through, more than a burst, and the bucket was empty on the way
limited()
{
	local before
	before=$(counter "$1" "$2" | sed s/null/0/) # the first guest is yet to come
	in_guest sink 2 sink
	run_shim sender 1 --queues "$3" generate --dst-mac "${mac[2]}" --count 250 --rate 1000 --delay 100 --size 1514 \
		--linger 3000 || fail "status $?"
	wait_for "kill -USR1 ${in_guest_pid[sink]}; [ \"\$(report sink .received.good)\" = 250 ]"
	end_in_guest sink
	echo $(($(counter "$1" "$2") - before))
}
[ "$(limited tx_limited vif1.0 1)" = 0 ] || fail "limited without a rate"
xenstore-write $be1/rate 10000,50000
for queues in 1 2; do
	[ "$(limited tx_limited vif1.0 $queues)" -gt 0 ] || fail "tx, $queues queues: not limited"
done
xenstore-rm $be1/rate
xenstore-write $be2/rate-rx 10000,50000
[ "$(limited rx_limited vif2.0 1)" -gt 0 ] || fail "rx: not limited"
xenstore-rm $be2/rate-rx
[ "$(limited rx_limited vif2.0 1)" = 0 ] || fail "limited after the key has gone"
expect_no_drops
