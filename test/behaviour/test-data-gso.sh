#!/bin/bash
# SPDX-License-Identifier: MIT -- TCP goes in large frames with blank checksums where the guest takes them, and else without
. "$(dirname "$0")/data.sh"
start_network 1 2
start_guest 1
start_guest 2 --no-csum6

# both ways, the counters of the whole vif: v4 and v6 apart
for host in "10.0.0.1" "fd00::1"; do
	before="$(counter tx_gso_packets) $(counter rx_gso_packets) $(counter tx_csum_blank) $(counter rx_csum_blank)"
	stream 0 1 "${host}1" 1000000
	stream_arrived
	stream 1 0 "${host}0" 1000000
	stream_arrived
	after="$(counter tx_gso_packets) $(counter rx_gso_packets) $(counter tx_csum_blank) $(counter rx_csum_blank)"
	for n in 1 2 3 4; do
		[ "$(echo "$after" | cut -d' ' -f$n)" -gt "$(echo "$before" | cut -d' ' -f$n)" ] ||
			fail "$host: counter $n of tx_gso rx_gso tx_blank rx_blank: $before, then $after"
	done
done

# a guest that takes no blank sums of IPv6: netback fills them in, and sends no large frames
stream 0 2 fd00::12 1000000
stream_arrived
expect_counted rx_csum_completed vif2.0
[ "$(counter rx_gso_packets vif2.0)" = 0 ] || fail "GSO frames for a guest that cannot check them"
expect_no_drops
stop_guest 1
stop_guest 2
