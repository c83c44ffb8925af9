#!/bin/bash
# SPDX-License-Identifier: MIT -- VLANs that cannot be understood are not served, at any time; once corrected they are; enforce_vlan=no leaves them alone
. "$(dirname "$0")/functions.sh"
requires jq
start_machine 3
start_netbackd
vlan() { ctl show vif3.0 --json | jq -r .policy.vlan; }
vif_add 3 0 vlan=10p/20/100+10x4
start_shim g 3
wait_be 4
[ "$(vlan)" = 10p/20/100+10x4 ] || fail "vlan: $(vlan)"

xenstore-write "$be/vlan" 10p/20p
wait_be 5
be error | grep -q 'two PVIDs' || fail "error: $(be error)"
shim g set-state 6
wait_be 6
shim g drop-rings
shim g set-state 1
sleep 0.3
[ "$(be state)" = 4 ] && fail "served with VLANs that are not understood"
be error | grep -q 'two PVIDs' || fail "error: $(be error)"

xenstore-write "$be/vlan" 30
shim g set-state 6
wait_be 6
shim g connect
wait_be 4
[ "$(vlan)" = 30 ] || fail "vlan: $(vlan)"
be error && fail "the reason outlives the trouble"

stop_netbackd
start_netbackd --enforce-vlan no
wait_for '[ "$(vif_field state)" = connected ]'
[ "$(vlan)" = null ] || fail "vlan: $(vlan)"
xenstore-write "$be/vlan" 10p/20p
xenstore-write "$be/mtu" 1400
wait_for 'ctl show vif3.0 --json | grep -q "\"mtu\":1400"'
expect_be state 4
