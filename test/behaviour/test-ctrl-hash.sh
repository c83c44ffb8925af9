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
# By which queue of the tap a flow comes, the tap learns from what the guest sends of it, and knows nothing of a first
# packet: of so many each of the guest's queues gets some that another queue of the tap has brought.
at 0 perl -MIO::Socket::IP -e 'IO::Socket::IP->new(PeerHost => "10.0.0.11", PeerPort => 9) for 1 .. 300'
[ "$(counter ctrl_requests)" -ge 5 ] || fail "control ring requests: $(counter ctrl_requests)"
for queue in 0 1 2 3; do
	for name in rx_hashed rx_steered; do
		expect_counted $name vif1.0 $queue
	done
done
stop_guest 1
[ "$(jq .setup.hashed "$tmp/guest1.out")" -gt 100 ] || fail "the guest saw no hashes: $(cat "$tmp/guest1.out")"
