#!/bin/bash
# SPDX-License-Identifier: MIT -- the key vlan: access, native and trunk; frames of other VLANs do not pass, and a change counts at once
. "$(dirname "$0")/frontends.sh"
start_frontends linux
be1=/local/domain/0/backend/vif/1/0 be2=/local/domain/0/backend/vif/2/0

# expect FRAMES SINK-TAG SEND-OPTION...: of 30 frames that guest 1 sends, guest 2 counts so many with this tag, "" for none
expect()
{
	in_guest sink 2 sink ${2:+--vlan "$2"}
	run_shim sender 1 generate --dst-mac "${mac[2]}" --count 30 --rate 500 --delay 100 "${@:3}" || fail "$*: status $?"
	if [ "$1" = 0 ]; then sleep 0.3; else wait_for "kill -USR1 ${in_guest_pid[sink]}; [ \"\$(report sink .received.good)\" = $1 ]"; fi
	end_in_guest sink
	[ "$(report sink .received.good)" = "$1" ] || fail "$*: $(cat "$tmp/sink.out")"
}
xenstore-write $be1/vlan 10 $be2/vlan 10
expect 30 "" --size 1514
expect 0 10
expect 0 30 --vlan 30
[ "$(counter tx_vlan)" -ge 30 ] || fail "tags of other VLANs leave the guest: $(counter tx_vlan)"

xenstore-write $be2/vlan 20p/10
expect 30 10 --size 1514
xenstore-write $be2/vlan 20
before=$(counter rx_vlan vif2.0)
expect 0 ""
[ $(($(counter rx_vlan vif2.0) - before)) -ge 30 ] || fail "not dropped on the way in: $(counter rx_vlan vif2.0)"

# A trunk without a native VLAN takes no untagged frame; with one both go.
xenstore-write $be1/vlan 10/20 $be2/vlan 10/20
before=$(counter tx_vlan)
expect 0 ""
[ $(($(counter tx_vlan) - before)) -ge 30 ] || fail "untagged frames leave a trunk"
expect 30 20 --vlan 20 --size 1514
xenstore-write $be1/vlan 10p/20
expect 30 10

xenstore-rm $be1/vlan
xenstore-rm $be2/vlan
expect 30 30 --vlan 30
