#!/bin/bash
# SPDX-License-Identifier: MIT -- a wrong packet from the guest is answered with an error, counted under its reason, and forgiven
. "$(dirname "$0")/data.sh"
start_network 3
vif_add 3 0 bridge=br0

# wrong WAY REASON: the frontend misbehaves in this way; the vif lives on, and another connection too
wrong()
{
	local before
	before=$(counter "$2" vif3.0)
	as_guest 3 "$BUILD/netfront-shim" hostile --wait 500 "$1" > "$tmp/$1.out" 2> "$tmp/$1.log" || fail "$1: status $?"
	jq -e '.alive and .backend_after == 4 and .backend_error == null' "$tmp/$1.out" > /dev/null ||
		fail "$1: $(cat "$tmp/$1.out")"
	jq -e '.answered > 0 and .answers[0].status == -1' "$tmp/$1.out" > /dev/null || fail "$1: no error: $(cat "$tmp/$1.out")"
	[ "$(counter "$2" vif3.0)" -gt "${before/null/0}" ] || fail "$1: drop reason $2 was not counted"
}
wrong tx-gref-bad tx_copy_failed
wrong tx-gref-stale tx_copy_failed
wrong tx-size-0 tx_runt
wrong tx-size-13 tx_runt
wrong tx-slots-20 tx_too_many_slots
wrong tx-fragment-too-big tx_bad_length
wrong tx-blank-unknown tx_bad_offload
wrong tx-gso-v6-on-v4 tx_bad_offload
wrong tx-gso-size-1 tx_bad_offload
wrong tx-ip-header-60 tx_bad_offload

# not wrong in itself, but it cannot go: the tap is down
ip link set vif3.0 down
as_guest 3 "$BUILD/netfront-shim" generate --count 3 > "$tmp/down.out" 2> "$tmp/down.log" || fail "tap down: status $?"
[ "$(counter tx_port_down vif3.0)" = 3 ] || fail "tx_port_down: $(counter tx_port_down vif3.0)"
