#!/bin/bash
# SPDX-License-Identifier: MIT -- an engine that does not let go of a vif within five seconds is killed; its other vifs go on in a new one
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
vif_add 3 1
start_shim g 3
start_shim h 3 --vif 1
wait_be 4
pid=$(vif_field engine_pid)
kill -STOP "$pid"
cleanup_fn kill -9 "$pid"
shim g set-state 5
sleep 1
expect_be state 4 # not 5 while the rings may be mapped
ctl list | grep -q '^vif3.1 *4 Connected' || fail "netbackd hangs with its engine"
wait_be 5
log_has 'vif3.0: the engine owes an answer to detach' || fail "not in the log"
shim g drop-rings
shim g set-state 6
wait_be 6
vif_is 3 1
expect_be state 4
wait_for '[ "$(vif_field connects vif3.1)" = 2 ]'
vif_is 3 0
shim g connect
wait_be 4
