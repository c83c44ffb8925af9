# shellcheck shell=bash
# SPDX-License-Identifier: MIT - xl network-detach and network-attach while the guest runs
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

backend_start
guest_start g1 pv
guest_wait g1
vif=$(guest_vif g1)
backend=/local/domain/0/backend/vif/$(guest_domid g1)/0
check "ping before" ping4 g1 5

for round in 1 2; do
	check "detach, round $round" xl network-detach g1 0
	check "$vif is gone" wait_for 10 is_not test -e "/sys/class/net/$vif"
	check "the guest's eth0 is gone" wait_for 10 guest_run g1 "! test -e /sys/class/net/eth0"
	check "the backend's directory is gone" wait_for 10 is_not xenstore-exists "$backend"
	check "attach, round $round" xl network-attach g1 mac=00:16:3e:00:01:00 bridge=$bridge
	check "$vif is there" wait_for 10 test -e "/sys/class/net/$vif"
	check "the guest's eth0 is there" wait_for 10 guest_run g1 guest-network
	check "ping over IPv4 loses nothing" ping4 g1 5
	check "ping over IPv6 loses nothing" ping6 g1 5
done
check "TCP to the guest" compare "$(tcp_to_guest g1)" '>' 1
