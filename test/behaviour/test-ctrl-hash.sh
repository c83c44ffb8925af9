#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest's hash and mapping decide its queues, whichever queue of the tap a frame comes by
. "$(dirname "$0")/data.sh"
requires iperf3
start_network 1 -- --max-queues 4
start_guest 1 --queues 4 --hash toeplitz:mapping=3,0,2,1,2
serve_iperf3 1 5201 5202

# the shim takes a wrong hash, or a frame on a ring that is not its hash's, for a fault
iperf3 -c 10.0.0.11 -P 16 -n 8M > "$tmp/iperf3.log" 2>&1 || fail "IPv4"
iperf3 -6 -p 5202 -c fd00::11 -P 16 -n 8M > "$tmp/iperf3.log" 2>&1 || fail "IPv6"
at 0 ping -c 2 -i 0.1 10.0.0.11 > "$tmp/ping.log" 2>&1 || fail "ping"
[ "$(counter ctrl_requests)" -ge 5 ] || fail "control ring requests: $(counter ctrl_requests)"
for queue in 0 1 2 3; do
	expect_counted rx_hashed vif1.0 $queue
done
# of each queue it is chance: the tap learns from what the guest sends by which queue a flow comes
expect_counted rx_steered
stop_guest 1
[ "$(jq .setup.hashed "$tmp/guest1.out")" -gt 100 ] || fail "the guest saw no hashes: $(cat "$tmp/guest1.out")"
