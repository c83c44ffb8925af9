# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a PV guest with two virtual CPUs uses two queues, both ways
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# both_queues: each event channel of both queues has interrupted the guest.
both_queues() {
	guest_run g1 "grep -e '-q[01]-[rt]x' /proc/interrupts" | awk '
		{ print; n = 0; for (i = 2; i < NF; i++) if ($i ~ /^[0-9]+$/) n += $i; if (n > 20) used++ }
		END { exit used != 4 }'
}

# counted NAME: netbackd has counted more than 20 of NAME on queue 0 and on queue 1.
counted() {
	netback_counter "$vif" "$1" | awk '{ print } $1 > 20 { used++ } END { exit used != 2 }'
}

backend_start
guest_start g1 pv vcpus=2
guest_wait g1
vif=$(guest_vif g1)

check "ping over IPv4 loses nothing" ping4 g1
check "ping over IPv6 loses nothing" ping6 g1
check "8 connections to the guest ($(tcp_to_guest g1 3 -P 8) Mb/s)" test -s "$state/iperf"
check "8 connections from the guest ($(tcp_from_guest g1 3 -P 8) Mb/s)" test -s "$state/iperf"
check "the guest sees events on both queues, both ways" both_queues
if [ "$BACKEND" = netbackd ]; then
	check "netbackd counts packets from the guest on both queues" counted tx_packets
	check "netbackd counts packets to the guest on both queues" counted rx_packets
fi
file_make 8
file_put g1
check "a file to the guest keeps its hash" file_to_guest g1
check "a file from the guest keeps its hash" file_from_guest g1
