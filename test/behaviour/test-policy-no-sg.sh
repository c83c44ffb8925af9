#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest without scatter/gather is held to what fits one page, whatever the toolstack's MTU
. "$(dirname "$0")/functions.sh"
requires jq
start_machine 3
start_netbackd
mtu() { ctl show vif3.0 --json | jq -c .policy.mtu; }
vif_add 3 0 mtu=9000
[ "$(mtu)" = 9000 ] || fail "before: $(mtu)"
start_shim g 3 --no-sg
wait_be 4
[ "$(mtu)" = 4078 ] || fail "without sg: $(mtu)"
xenstore-write "$be/mtu" 1500
wait_for '[ "$(mtu)" = 1500 ]'
