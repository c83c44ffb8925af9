#!/bin/bash
# SPDX-License-Identifier: MIT -- xenstored goes while netbackd starts: nothing is swept up as left behind
. "$(dirname "$0")/functions.sh"
requires flock
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3
wait_be 4
stop_netbackd KILL

# It is connected to the store, and waits for an engine of its predecessor before it looks into it.
touch "$run/engine-old.stats"
flock "$run/engine-old.stats" sleep 2 &
"$BUILD/netbackd" --run-dir "$run" > "$tmp/netbackd.log" 2>&1 &
netbackd_pid=$!
sleep 1
kill -9 "$(pgrep -f "^xenstored $tmp/m")" || fail "which is xenstored?"
wait "$netbackd_pid"
status=$?
[ $status -eq 1 ] || fail "status $status"
has_tap vif3.0 || fail "the tap is gone"
[ -s "$run/vif3.0.journal" ] || fail "the journal is gone"
