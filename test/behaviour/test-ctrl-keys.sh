#!/bin/bash
# SPDX-License-Identifier: MIT -- the control ring's two keys: served together, shown, and half of them or a bad one refused
. "$(dirname "$0")/functions.sh"
requires jq
start_machine 3
start_netbackd
vif_add 3 0
ctrl() { ctl show vif3.0 --json | jq -c .ctrl; }
start_shim w 3 --profile windows
wait_be 4
[ "$(ctrl)" = "{\"ring_ref\":$(fe ctrl-ring-ref),\"event_channel\":$(fe event-channel-ctrl)}" ] || fail "show: $(ctrl)"
shim w disconnect
wait_be 6

start_shim g 3
wait_be 4
[ "$(ctrl)" = null ] || fail "a control ring that nobody made: $(ctrl)"
shim g disconnect
wait_be 6
# refused REASON KEY VALUE
refused()
{
	shim g make-rings
	shim g publish
	xenstore-write "$fe/$2" "$3"
	shim g set-state 4
	wait_be 5
	be error | grep -q -- "$1" || fail "$2=$3: error is \"$(be error)\""
	xenstore-rm "$fe/$2"
	shim g drop-rings
	shim g set-state 6
	wait_be 6
	shim g set-state 1
	wait_be 2
}
refused 'go together' ctrl-ring-ref 77
refused 'go together' event-channel-ctrl 5
refused 'ctrl-ring-ref' ctrl-ring-ref 0
refused 'event-channel-ctrl' event-channel-ctrl no
shim g connect
wait_be 4
