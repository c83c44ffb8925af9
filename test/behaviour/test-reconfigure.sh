#!/bin/bash
# SPDX-License-Identifier: MIT -- Linux' XDP dance: the frontend's 7 is answered by 8 once the headroom is there, its 4 by 4
. "$(dirname "$0")/functions.sh"
requires jq
start_machine 3
start_netbackd
headroom() { ctl show vif3.0 --json | jq -c '[.policy.xdp_headroom, .policy.enforced]'; }
vif_add 3 0
start_shim g 3
wait_be 4

# Asked for by state 7 and not before.
shim g write xdp-headroom 256
xenstore-write "$be/rate" 1000000,1000000
wait_for 'ctl show vif3.0 --json | grep -q rate_tx'
[ "$(headroom)" = '[0,true]' ] || fail "before 7: $(headroom)"
shim g set-state 7
wait_be 8
[ "$(headroom)" = '[256,true]' ] || fail "at 8: $(headroom)"

# A netbackd that comes anew finds 8 and goes on.
stop_netbackd KILL
start_netbackd
wait_for '[ "$(vif_field state)" = connected ]'
expect_be state 8
shim g set-state 4
wait_be 4

shim g write xdp-headroom 0
shim g set-state 7
wait_be 8
[ "$(headroom)" = '[0,true]' ] || fail "off again: $(headroom)"
shim g set-state 4
wait_be 4

# What others have written is not overwritten, and a bad value counts as none.
shim g write xdp-headroom 99999
shim g set-state 7
wait_be 8
[ "$(headroom)" = '[0,true]' ] || fail "bad value: $(headroom)"
shim g disconnect
wait_be 6
shim g connect
wait_be 4
