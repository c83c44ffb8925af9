# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a PV guest with one virtual CPU: ping, TCP, files, frame sizes
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

backend_start
guest_start g1 pv
guest_wait g1
vif=$(guest_vif g1)

check "ping over IPv4 loses nothing" ping4 g1
check "ping over IPv6 loses nothing" ping6 g1
check "the guest pings dom0 over IPv6" guest_run g1 "ping6 -c 3 $net6:1"

if [ "$BACKEND" = netbackd ]; then
	check "small packets are copied by grants on both sides" compare "$(netback_counter "$vif" copy_selfgrant)" '>' 40
fi

file_make 8
file_put g1
check "a file to the guest keeps its hash" file_to_guest g1
check "a file from the guest keeps its hash" file_from_guest g1
check "a file to the guest over IPv6" file_to_guest g1 "[$net6:1]"
check "a file from the guest over IPv6" file_from_guest g1 "[$(guest_ip6 g1)]"

size=$(frame_size "$vif" tx tcp_to_guest g1)
check "TCP to the guest in large frames (mean $size bytes)" compare "$size" '>' 8000
size=$(frame_size "$vif" rx tcp_from_guest g1)
check "TCP from the guest in large frames (mean $size bytes)" compare "$size" '>' 8000

check "segmentation off in the guest" guest_run g1 "ethtool -K eth0 tso off gso off"
check "segmentation off on $vif" ethtool -K "$vif" tso off gso off
size=$(frame_size "$vif" tx file_to_guest g1)
check "a file to the guest in MTU-size frames (mean $size bytes)" compare "$size" '<=' 1514
size=$(frame_size "$vif" rx file_from_guest g1)
check "a file from the guest in MTU-size frames (mean $size bytes)" compare "$size" '<=' 1514
