#!/bin/bash
# SPDX-License-Identifier: MIT -- an engine that changes the carrier without end neither stops netbackd nor fills the log
. "$(dirname "$0")/functions.sh"
start_machine 3 4
ROGUE=flood start_netbackd --engine "$BUILD/test/rogue-engine" --log-level info
vif_add 3 0
start_shim g 3
wait_be 4
sleep 1
timeout 5 "$BUILD/netbackctl" --run-dir "$run" list > "$tmp/list" || fail "netbackd does not answer"
vif_is 4 0
vif_add 4 0
expect_be state 2
lines=$(grep -c 'vif3.0: Guest Rx' "$tmp/netbackd.log")
[ "$lines" -lt 10 ] || fail "$lines lines about the carrier"
