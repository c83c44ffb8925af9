# shellcheck shell=bash
# SPDX-License-Identifier: MIT - 1 and 4 queues of a PV guest, 2 of a PVH guest: each carries packets both ways
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# events NAME N: each of the event channels of N queues has interrupted the guest, and there are no more.
events() {
	guest_run "$1" "grep -e '-q[0-9]*-[rt]x' /proc/interrupts" | awk -v n="$2" '
		{ print; sum = 0; for (i = 2; i < NF; i++) if ($i ~ /^[0-9]+$/) sum += $i; if (sum > 20) used++ }
		END { exit used != 2 * n || NR != 2 * n }'
}

# counted VIF NAME N: netbackd has N queues, and has counted more than 20 of NAME on each.
counted() {
	netback_counter "$1" "$2" | awk -v n="$3" '{ print } $1 > 20 { used++ } END { exit used != n || NR != n }'
}

# queues NAME N: N queues, and not one of them idle.
queues() {
	local vif

	vif=$(guest_vif "$1")
	check "$2 queues: ping loses nothing" ping4 "$1" 10
	check "$2 queues: 32 connections to the guest" tcp_to_guest "$1" 4 -P 32
	check "$2 queues: 32 connections from the guest" tcp_from_guest "$1" 4 -P 32
	check "$2 queues: the guest sees events on each, both ways" events "$1" "$2"
	[ "$BACKEND" = netbackd ] || return 0
	check "$2 queues: netbackd counts packets from the guest on each" counted "$vif" tx_packets "$2"
	check "$2 queues: netbackd counts packets to the guest on each" counted "$vif" rx_packets "$2"
}

pvh_queues() {
	check "a PVH guest boots" guest_boot "$1" pvh vcpus=2
	[ "$failed" -gt 0 ] || queues "$1" 2
}

# as many queues as CPUs are offered, and dom0 has only two here
case $BACKEND in
kernel) modprobe xen-netback max_queues=4 ;;
netbackd) netbackd_options=(--max-queues 4) ;;
esac
backend_start
guest_boot g1 pv
queues g1 1
guest_destroy g1
guest_boot g2 pv vcpus=4
queues g2 4
guest_destroy g2
pvh_tries pvh_queues
