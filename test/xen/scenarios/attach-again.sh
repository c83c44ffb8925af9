# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a vif detached and attached again at once, under the same number
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

backend=/local/domain/0/backend/vif

connected() {
	[ "$(xenstore-read "$backend/$domid/0/state")" = 4 ]
}

backend_start
guest_boot g1 pv
domid=$(guest_domid g1)
for round in 1 2 3 4 5; do
	check "round $round: detach and attach" eval \
		"xl network-detach g1 0 && xl network-attach g1 mac=00:16:3e:00:01:00 bridge=$bridge"
	check "round $round: connected" wait_for 10 connected
	check "round $round: the guest's eth0" wait_for 10 guest_run g1 guest-network
	check "round $round: ping loses nothing" ping4 g1 3
done
