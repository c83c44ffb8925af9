# shellcheck shell=bash
# SPDX-License-Identifier: MIT - Xen's vif-nat, unmodified: a guest with an address of its own behind dom0
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# The script gives vif N of domain D the network 10.D/256.D%256.0/16 with the guest's address N+1 and its own
# 127 above that; the guest would learn both from a DHCP server.
backend_start
echo 1 >/proc/sys/net/ipv4/ip_forward
guest_start g1 pv vif=script=vif-nat
guest_wait g1
vif=$(guest_vif g1) domid=$(guest_domid g1)
guest=10.$((domid / 256)).$((domid % 256)).1 router=10.$((domid / 256)).$((domid % 256)).128
check "$vif is in no bridge" is_not test -e "/sys/class/net/$vif/brport"
check "$vif has the router's address" eval "ip -4 addr show dev $vif | grep -w $router"
check "the guest is configured" guest_run g1 "ip addr flush dev eth0; ip addr add $guest/16 dev eth0 &&
	ip route add default via $router"
check "the guest answers" eval "ping -q -c 10 -i 0.2 -W 5 $guest | grep -w '0% packet loss'"
check "the guest reaches dom0 behind the router" guest_run g1 "ping -c 5 $net4.1 | grep -w '0% packet loss'"
file_make 8
file_put g1
check "a file to the guest keeps its hash" file_to_guest g1
check "a file from the guest keeps its hash" file_from_guest g1 "$guest"
check "detach" xl network-detach g1 0
check "$vif is gone" wait_for 10 is_not test -e "/sys/class/net/$vif"
