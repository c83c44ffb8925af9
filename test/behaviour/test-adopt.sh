#!/bin/bash
# SPDX-License-Identifier: MIT -- netbackd stops or is killed, another one takes the running guest over: same rings, same tap, state 4 all along
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3 --queues 2
wait_be 4
index=$(ip -o link show vif3.0 | cut -d: -f1)
xenstore-watch "$be/state" > "$tmp/writes" &
cleanup_fn kill $!
wait_for '[ -s $tmp/writes ]'

for signal in TERM KILL TERM; do
	stop_netbackd $signal
	expect_be state 4
	has_tap vif3.0 || fail "SIG$signal: no tap"
	start_netbackd
	wait_for '[ "$(vif_field state)" = connected ]'
	wait_for '[ "$(vif_field carrier)" = true ]'
	[ "$(vif_field nr_queues)" = 2 ] || fail "SIG$signal: queues"
	log_has 'Guest Rx ready' && fail "SIG$signal: that the carrier is on all along is news to it"
done
[ "$(vif_field connects)" = 4 ] || fail "connects: $(vif_field connects)"
[ "$(wc -l < "$tmp/writes")" = 1 ] || fail "the state was written"
[ "$(ip -o link show vif3.0 | cut -d: -f1)" = "$index" ] || fail "another tap"
shim g reconnect
wait_be 4
