# shellcheck shell=bash
# SPDX-License-Identifier: MIT - VLANs of the guest and dom0 on top of a vif and its bridge
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# The bridge does not filter here; a vif that does (vlan=) is another matter.
vlan4=192.168.107

ping_vlan() {
	ping -q -c 10 -i 0.2 -W 5 "$@" $vlan4.11 | grep -w '0% packet loss'
}

backend_start
guest_boot g1 pv
vif=$(guest_vif g1)
ip link add link $bridge name $bridge.7 type vlan id 7
ip addr add $vlan4.1/24 dev $bridge.7
ip link set $bridge.7 up
check "a VLAN in the guest" guest_run g1 "modprobe 8021q && ip link add link eth0 name eth0.7 type vlan id 7 &&
	ip addr add $vlan4.11/24 dev eth0.7 && ip link set eth0.7 up"
check "ping" ping_vlan
check "a ping of 1500 bytes and the tag" ping_vlan -M "do" -s 1472

file_make 8
file_put g1
for offload in on off; do
	check "offloads $offload in the guest" guest_run g1 "ethtool -K eth0 tso $offload gso $offload tx $offload"
	check "offloads $offload on $vif" ethtool -K "$vif" tso $offload gso $offload tx $offload
	check "offloads $offload: a file to the guest keeps its hash" file_to_guest g1 $vlan4.1
	check "offloads $offload: a file from the guest keeps its hash" file_from_guest g1 $vlan4.11
	rate=$(iperf $vlan4.11 -t 3)
	check "offloads $offload: TCP to the guest" compare "$rate" '>' 1
	rate=$(iperf $vlan4.11 -R -t 3)
	check "offloads $offload: TCP from the guest" compare "$rate" '>' 1
done
check "untagged frames pass beside" ping4 g1 5
check "another VLAN does not" guest_run g1 "ip link add link eth0 name eth0.8 type vlan id 8 &&
	ip link set eth0.8 up && ! arping -q -c 2 -w 4 -I eth0.8 $net4.1"
