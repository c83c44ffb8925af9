#!/bin/bash
# SPDX-License-Identifier: MIT -- an engine that dies over a new policy: the next one is attached with it, and only then 8 is written
. "$(dirname "$0")/functions.sh"
requires jq
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3
wait_be 4
pid=$(vif_field engine_pid)
kill -STOP "$pid"
cleanup_fn kill -KILL "$pid"
shim g write xdp-headroom 128
shim g set-state 7
sleep 0.5
expect_be state 4
kill -KILL "$pid"
wait_be 8
[ "$(ctl show vif3.0 --json | jq .policy.xdp_headroom)" = 128 ] || fail "headroom"
[ "$(vif_field engine_pid)" != "$pid" ] || fail "the same engine"
