# shellcheck shell=bash
# SPDX-License-Identifier: MIT - what only a control ring or extra infos can say: staging, hashes, multicast, headroom
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# Linux' netfront says none of it but the headroom, so netfront-shim is the frontend in the real guest.

# files WHAT: a file each way.
files() {
	file_make 4
	check "$1: a file to the guest keeps its hash" file_to_guest g1
	file_put g1
	check "$1: a file from the guest keeps its hash" file_from_guest g1
}

# staged OPERATOR N: copies that netbackd has not asked Xen for, since the vif was connected.
staged() {
	compare "$(netback_counter "$vif" copy_staged | awk '{ sum += $1 } END { print sum }')" "$@"
}

# heard GROUP: how many of 20 pings of a multicast group eth0 of the guest gets.
heard() {
	local before

	before=$(guest_run g1 "cat /sys/class/net/eth0/statistics/rx_packets")
	ping -q -c 20 -i 0.05 -W 1 -I $bridge "$1" >/dev/null || true
	sleep 1
	echo $(($(guest_run g1 "cat /sys/class/net/eth0/statistics/rx_packets") - before))
}

backend_start
guest_start g1 pv vcpus=2
guest_wait g1
vif=$(guest_vif g1)
check "the guest's kernel gives up the vif" shim_prepare g1

if [ "$BACKEND" = netbackd ]; then
	check "a tap without staging grants" shim_tap g1
	files "without"
	check "no copy was staged" staged == 0
	check "no fault" shim_end g1
	check "a tap with staging grants" shim_tap g1 --staging all
	files "with staging grants"
	check "copies were staged" staged '>' 1000
	check "all was mapped, no fault" shim_end g1 staged '>=' 64
fi

check "a tap with hashes and a mapping" shim_tap g1 --queues 2 --hash toeplitz:mapping=1,0,1,0
files "hashes"
check "16 connections" tcp_to_guest g1 3 -P 16
check "hashes came, all right and in their queues" shim_end g1 hashed '>' 100

check "a tap that asks for one group" shim_tap g1 --mcast static=01:00:5e:01:02:03
check "ping loses nothing" ping4 g1 5
count=$(heard 239.1.2.3)
check "its group is heard ($count of 20)" compare "$count" '>=' 20
count=$(heard 239.1.2.4)
check "another one is not ($count of 20)" compare "$count" '<' 10
check "no fault" shim_end g1 mcast_unasked == 0

check "a tap that asks for headroom" shim_tap g1 --headroom 256
files "headroom"
check "data came behind it" shim_end g1 headroom '>' 100
