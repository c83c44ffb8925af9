#!/bin/bash
# SPDX-License-Identifier: MIT -- kill -9 of both engines in the middle of a transfer, five times: the connection goes on
. "$(dirname "$0")/data.sh"
start_network 1 2
start_guest 1
start_guest 2
stream 1 2 10.0.0.12

for n in 1 2 3 4 5; do
	sleep 0.2
	packets=$(counter tx_packets)
	for vif in vif1.0 vif2.0; do
		pid=$(vif_field engine_pid $vif)
		kill -9 "$pid"
		wait_for "[ \"\$(vif_field connects $vif)\" = $((n + 1)) ]"
		[ "$(vif_field engine_pid $vif)" != "$pid" ] || fail "the dead engine of $vif is still named"
	done
	wait_for "[ \$(counter tx_packets) -gt $packets ]"
done
stream_arrived
ctl stats --json | jq -e '[.engines[].restarts] == [5, 5]' > /dev/null || fail "restarts"
# the frontend checks that each request is answered once, and in order
stop_guest 1
stop_guest 2
