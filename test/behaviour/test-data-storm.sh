#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest that sends events without work is listened to less and less; its neighbour is not
. "$(dirname "$0")/data.sh"
start_network 1 3
start_guest 1
vif_add 3 0 bridge=br0

for way in notify-storm-tx notify-storm-rx; do
	delayed=$(counter events_delayed vif3.0) events=$(counter events vif3.0)
	as_guest 3 "$BUILD/netfront-shim" hostile --wait 3000 --duration 1000 $way > "$tmp/$way.out" 2> "$tmp/$way.log" &
	storm=$!
	ping -q -c 3 -i 0.3 10.0.0.11 > "$tmp/ping.log" 2>&1 || fail "the neighbour is not served"
	wait $storm || fail "$way: status $?"
	jq -e '.alive and .backend_after == 4' "$tmp/$way.out" > /dev/null || fail "$way: $(cat "$tmp/$way.out")"
	[ "$(counter events_delayed vif3.0)" -gt "${delayed/null/0}" ] || fail "$way: no event was delayed"
	# the budget of idle events, what it gains in a second, and the delays that double: hundreds, not hundreds of thousands
	events=$(($(counter events vif3.0) - ${events/null/0}))
	[ $events -lt 1500 ] || fail "$way: $events events in a second"
done
expect_counted events_idle vif3.0
[ "$(counter events_delayed vif1.0)" = 0 ] || fail "the neighbour was delayed"
