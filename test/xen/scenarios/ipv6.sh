# shellcheck shell=bash
# SPDX-License-Identifier: MIT - IPv6: large frames both ways, their checksums, fragments, and segmentation off
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

ip6=$(guest_ip6 g1)

# ping_size BYTES: may be larger than a frame.
ping_size() {
	ping -6 -q -c 5 -i 0.2 -W 5 -s "$1" "$ip6" | grep -w '0% packet loss'
}

# files WHAT OPERATOR BYTES: a file each way, keeping its hash, in frames of that mean size.
files() {
	local size

	size=$(frame_size "$vif" tx file_to_guest g1 "[$net6:1]")
	check "a file to the guest, $1 (mean $size bytes)" compare "$size" "$2" "$3"
	size=$(frame_size "$vif" rx file_from_guest g1 "[$ip6]")
	check "a file from the guest, $1 (mean $size bytes)" compare "$size" "$2" "$3"
}

backend_start
guest_boot g1 pv
vif=$(guest_vif g1)
check "ping loses nothing" ping6 g1 10
check "pings of 8000 bytes, in fragments" ping_size 8000
check "UDP to the guest" compare "$(udp_packets "$ip6" -t 3)" '>' 10
check "UDP from the guest" compare "$(udp_packets "$ip6" -R -t 3)" '>' 10
file_make 8
file_put g1
files "large frames" '>' 6000
check "segmentation off in the guest" guest_run g1 "ethtool -K eth0 tso off gso off"
check "segmentation off on $vif" ethtool -K "$vif" tso off gso off
files "small frames" '<=' 1514
check "checksums off in the guest" guest_run g1 "ethtool -K eth0 tx off"
check "checksums off on $vif" ethtool -K "$vif" tx off
files "checksums by the stacks" '<=' 1514
