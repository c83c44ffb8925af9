#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest of two queues uses both, in both directions, on a tap of two queues
. "$(dirname "$0")/data.sh"
requires iperf3
start_network 1 -- --max-queues 2
start_guest 1 --queues 2
serve_iperf3 1 5201 5202

# 16 connections each way: the kernel puts each on a queue by its hash
iperf3 -c 10.0.0.11 -P 16 -n 8M > "$tmp/iperf3.log" 2>&1 || fail "to the guest"
iperf3 -c 10.0.0.11 -P 16 -p 5202 -n 8M -R > "$tmp/iperf3.log" 2>&1 || fail "from the guest"
[ "$(vif_field nr_queues vif1.0)" = 2 ] || fail "not two queues"
for queue in 0 1; do
	for name in tx_packets rx_packets events; do
		[ "$(counter $name vif1.0 $queue)" -gt 20 ] || fail "queue $queue: $name $(counter $name vif1.0 $queue)"
	done
done
stop_guest 1
