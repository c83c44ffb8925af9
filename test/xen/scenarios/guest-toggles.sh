# shellcheck shell=bash
# SPDX-License-Identifier: MIT - what an administrator of a guest does to eth0 while it works: offloads, link, driver
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# carries WHAT: packets and a file each way.
carries() {
	check "$1: ping loses nothing" ping4 g1 5
	check "$1: a file to the guest keeps its hash" file_to_guest g1
	check "$1: a file from the guest keeps its hash" file_from_guest g1
}

backend_start
guest_boot g1 pv vcpus=2
file_make 4
file_put g1

# features that depend on sg go with it, so everything is switched on again behind each
for feature in gro gso tso tx sg; do
	check "$feature off" guest_run g1 "ethtool -K eth0 $feature off"
	carries "$feature off"
done
check "all on again" guest_run g1 "for f in sg tx tso gso gro; do ethtool -K eth0 \$f on; done"
carries "all on"
size=$(frame_size "$(guest_vif g1)" rx tcp_from_guest g1)
check "TCP from the guest in large frames again (mean $size bytes)" compare "$size" '>' 8000

for _ in 1 2 3; do
	guest_run g1 "ip link set eth0 down; sleep 1"
	check "the link is down" is_not ping -c 1 -W 1 "$(guest_ip4 g1)"
	guest_run g1 guest-network
done
carries "link down and up"
check "features toggled under traffic" guest_run g1 "iperf3 -t 6 -c $net4.11 >/dev/null 2>&1;
	wget -q -O /dev/null http://$net4.1/file &
	for f in tso gso tx sg; do ethtool -K eth0 \$f off; done; for f in sg tx tso gso; do ethtool -K eth0 \$f on; done; wait"

# The addresses go with the interface. Each time the driver finds a vif that is Closed.
for _ in 1 2 3; do
	check "the driver unloaded" guest_unload g1
	check "the driver loaded" guest_run g1 "modprobe xen-netfront && guest-network"
done
carries "driver loaded again"
check "the driver unloaded" guest_unload g1
check "the driver loaded, with one queue" guest_run g1 "modprobe xen-netfront max_queues=1 && guest-network"
carries "one queue"
