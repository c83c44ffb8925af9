#!/bin/bash
# SPDX-License-Identifier: MIT -- an engine that changes the counts in its pages while they are read is shown with what fits
. "$(dirname "$0")/functions.sh"
start_machine 3
ROGUE=pages start_netbackd --engine "$BUILD/test/rogue-engine"
vif_add 3 0
start_shim g 3
wait_be 4
for _ in $(seq 200); do
	ctl --json stats > "$tmp/stats" || fail "netbackd does not answer"
	[ "$(grep -o tx_packets "$tmp/stats" | wc -l)" -le 8 ] || fail "more queues than there can be"
	[ "$(grep -o io_calls "$tmp/stats" | wc -l)" -le 16 ] || fail "more workers than there can be"
done
