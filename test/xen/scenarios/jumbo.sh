# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a bridge with MTU 9000: frames of that size both ways, without segmentation offload, too
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# The guest's own MTU must be set in it: Linux' netfront does not look at the key.
ping_size() {
	ping -q -c 5 -i 0.2 -W 5 -M "do" -s "$1" "$(guest_ip4 g1)" | grep -w '0% packet loss'
}

backend_start
ip link set $bridge mtu 9000
guest_boot g1 pv
vif=$(guest_vif g1)
check "the vif has the bridge's MTU" [ "$(cat "/sys/class/net/$vif/mtu")" = 9000 ]
check "the script told the guest" [ "$(xenstore-read "/local/domain/$(guest_domid g1)/device/vif/0/mtu")" = 9000 ]
check "the guest takes it" guest_run g1 "ip link set eth0 mtu 9000"
check "a ping of 9000 bytes" ping_size 8972
check "no ping of 9001 bytes" is_not ping_size 8973

file_make 8
file_put g1
for offload in on off; do
	check "segmentation $offload in the guest" guest_run g1 "ethtool -K eth0 tso $offload gso $offload"
	check "segmentation $offload on $vif" ethtool -K "$vif" tso $offload gso $offload
	size=$(frame_size "$vif" tx file_to_guest g1)
	check "segmentation $offload: a file to the guest, mean $size bytes" compare "$size" '>' 6000
	[ $offload = on ] || check "no frame to the guest was longer" compare "$size" '<=' 9014
	size=$(frame_size "$vif" rx file_from_guest g1)
	check "segmentation $offload: a file from the guest, mean $size bytes" compare "$size" '>' 6000
	[ $offload = on ] || check "no frame from the guest was longer" compare "$size" '<=' 9014
done
