# shellcheck shell=bash
# SPDX-License-Identifier: MIT - xl save and xl restore during transfers that survive it, of a PV and of a PVH guest
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# survives NAME TYPE
survives() {
	local name=$1 domid

	check "$2: it boots" guest_boot "$name" "$2"
	[ "$failed" -eq 0 ] || return 0
	domid=$(guest_domid "$name")
	stream_put "$name"
	streams_start "$name"
	check "$2: both transfers run" streams_run "$name"
	check "$2: save" xl save "$name" "$state/$name.save"
	check "$2: no vif is left" wait_for 10 is_not test -e "/sys/class/net/vif$domid.0"
	check "$2: no key is left" wait_for 10 is_not xenstore-exists "/local/domain/0/backend/vif/$domid"
	check "$2: restore" xl restore "$state/$name.save"
	rm "$state/$name.save"
	check "$2: it is another domain" is_another "$name" "$domid"
	check "$2: a transfer to the guest survives" stream_to_guest_whole "$name"
	check "$2: a transfer from the guest survives" stream_from_guest_whole
	check "$2: ping loses nothing" ping4 "$name" 10
	check "$2: TCP to the guest" compare "$(tcp_to_guest "$name")" '>' 1
	guest_destroy "$name"
}

backend_start
stream_make 20
survives g1 pv
pvh_tries survives pvh
