# shellcheck shell=bash
# SPDX-License-Identifier: MIT - live migration to this very host during transfers that survive it
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# PVH only: Debian's Xen has no shadow paging, and without it there is no log-dirty mode for PV.

# migrates NAME: its commands say themselves when they fail, set -e is off in a condition.
migrates() {
	local name=$1 domid

	guest_boot "$name" pvh && stream_put "$name" || return 1
	domid=$(guest_domid "$name")
	streams_start "$name"
	streams_run "$name" || { echo "no transfers"; return 1; }
	xl migrate -s "" "$name" "$state/receive" || return 1
	is_another "$name" "$domid" || { echo "it is no other domain"; return 1; }
	wait_for 20 is_not test -e "/sys/class/net/vif$domid.0" || return 1
	wait_for 10 is_not xenstore-exists "/local/domain/0/backend/vif/$domid" || return 1
	stream_to_guest_whole "$name" || { echo "the transfer to the guest is not whole"; return 1; }
	stream_from_guest_whole || { echo "the transfer from the guest is not whole"; return 1; }
	ping4 "$name" 10
}

try() {
	check "a guest migrates, transfers both ways go on" migrates "$1"
}

backend_start
stream_make 20
export STREAM_TIMEOUT=60
printf '#!/bin/sh\nexec xl migrate-receive\n' >"$state/receive"
chmod 755 "$state/receive"
pvh_tries try
