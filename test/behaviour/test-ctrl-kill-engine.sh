#!/bin/bash
# SPDX-License-Identifier: MIT -- what a guest has set by its control ring outlives the engine: hash, mapping, staging
. "$(dirname "$0")/data.sh"
start_network 1 2 -- --max-queues 3
start_guest 1 --queues 3 --hash toeplitz:mapping=2,1,0,1 --staging all
start_guest 2 --queues 3 --hash toeplitz:mapping=1,1,2 --staging 40
stream 1 2 10.0.0.12

for n in 1 2 3; do
	sleep 0.2
	for vif in vif1.0 vif2.0; do
		kill -9 "$(vif_field engine_pid $vif)"
		wait_for "[ \"\$(vif_field connects $vif)\" = $((n + 1)) ]"
	done
	hashed=$(counter rx_hashed) staged=$(counter copy_staged)
	wait_for "[ \$(counter rx_hashed) -gt $hashed ] && [ \$(counter copy_staged) -gt $staged ]"
done
stream_arrived
[ "$(counter ctrl_requests)" -lt 20 ] || fail "the guest was asked again"
# a wrong hash or queue, a DEL that is refused and a page still in use would be faults
for guest in 1 2; do
	stop_guest $guest
	jq -e '.setup | .staged == .unstaged and .staged > 0 and .ctrl_refused == 0' "$tmp/guest$guest.out" > /dev/null ||
		fail "guest $guest: $(jq -c .setup "$tmp/guest$guest.out")"
done
