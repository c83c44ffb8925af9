# shellcheck shell=bash
# SPDX-License-Identifier: MIT - Xen's vif-route, unmodified: two guests that are routed
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

backend_start
echo 1 >/proc/sys/net/ipv4/ip_forward
for name in g1 g2; do
	guest_start $name pv "vif=script=vif-route,ip=$(guest_ip4 $name),gatewaydev=$bridge"
done
guest_wait g1
guest_wait g2
vif=$(guest_vif g1)
check "$vif is in no bridge" is_not test -e "/sys/class/net/$vif/brport"
check "there is a route" eval "ip route show $(guest_ip4 g1) | grep -w 'dev $vif'"
check "g1 answers" ping4 g1 10
check "g2 answers" ping4 g2 10
check "g1 reaches g2" guest_run g1 "ping -c 5 $(guest_ip4 g2) | grep -w '0% packet loss'"
file_make 8
file_put g1
check "a file to the guest keeps its hash" file_to_guest g1
check "a file from the guest keeps its hash" file_from_guest g1
check "TCP between the guests" guest_run g1 "iperf3 -t 3 -c $(guest_ip4 g2)"
check "detach" xl network-detach g1 0
check "no route is left" is_not eval "ip route show $(guest_ip4 g1) | grep -w 'dev $vif'"
