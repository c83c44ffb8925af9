#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest changes its list of multicast addresses by requests that are no packets
. "$(dirname "$0")/data.sh"
start_network 1
vif_add 1 0 bridge=br0

as_guest 1 "$BUILD/netfront-shim" generate --count 3 --mcast-add 33:33:00:00:00:01 --mcast-add 33:33:00:00:00:02 \
	--mcast-del 33:33:00:00:00:01 > "$tmp/out" 2> "$tmp/log" || fail "status $?"
jq -e '.fault_total == 0 and .tx.okay == 6 and .tx.null == 3 and .tx.error == 0' "$tmp/out" > /dev/null ||
	fail "not all were taken: $(cat "$tmp/out")"
[ "$(counter mcast_changes)" = 3 ] || fail "changes: $(counter mcast_changes)"
[ "$(counter tx_packets)" = 3 ] || fail "packets: $(counter tx_packets)"
expect_no_drops
