#!/bin/bash
# SPDX-License-Identifier: MIT -- kill -9 of the engine: another one serves the same rings, nobody in xenstore hears of it
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3 --queues 2
wait_be 4
wait_for '[ "$(vif_field carrier)" = true ]'
ip link set vif3.0 up
xenstore-watch "$be" > "$tmp/writes" &
cleanup_fn kill $!
wait_for '[ -s $tmp/writes ]'

for n in 1 2 3; do
	pid=$(vif_field engine_pid)
	kill -9 "$pid"
	wait_for '[ "$(vif_field engine_pid)" -gt 0 ] && [ "$(vif_field engine_pid)" != $pid ]'
	wait_for "[ \"\$(vif_field connects)\" = $((n + 1)) ]"
	has_carrier vif3.0 || fail "the carrier went"
done
log_has 'engine d3: process .* was killed by signal 9' || fail "not in the log"
[ "$(wc -l < "$tmp/writes")" = 1 ] || fail "the store was written: $(cat "$tmp/writes")"
ctl stats | grep -q '^engine d3: .* 1 vifs, 3 restarts' || fail "restarts"
