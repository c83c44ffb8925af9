#!/bin/bash
# SPDX-License-Identifier: MIT -- request-multicast-control is read at connection and followed while connected
. "$(dirname "$0")/functions.sh"
requires jq
start_machine 3
start_netbackd
filter() { ctl show vif3.0 --json | jq -c '[.policy.multicast_filter, .policy.enforced]'; }
vif_add 3 0
start_shim g 3
wait_be 4
wait_for '[ "$(filter)" = "[false,true]" ]'
for value in 1 0 1; do
	shim g write request-multicast-control $value
	[ $value = 1 ] && want=true || want=false
	wait_for "[ \"\$(filter)\" = '[$want,true]' ]"
done
shim g write request-multicast-control banana
wait_for '[ "$(filter)" = "[false,true]" ]'
log_has 'request-multicast-control: .*ignored' || fail "not even at debug level"

# Static: the key stands before the connection.
shim g disconnect
wait_be 6
shim g make-rings
shim g publish
shim g write request-multicast-control 1
shim g set-state 4
wait_be 4
wait_for '[ "$(filter)" = "[true,true]" ]'
