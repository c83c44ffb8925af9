# shellcheck shell=bash
# SPDX-License-Identifier: MIT - kill -9 of the engine: connections go on, xenstore stays connected
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

[ "$BACKEND" = netbackd ] || skip "the kernel's backend has no engine to kill"

# another_engine PID: there is an engine, and it is not PID.
another_engine() {
	local pid

	pid=$(pidof netback-engine) && [ "$pid" != "$1" ]
}

# survives PID: kills the engine thrice in the middle of the background job PID, which ends well.
survives() {
	local engine

	for _ in 1 2 3; do
		sleep 1
		kill -0 "$1" || { echo "it ended too early to be in the middle"; return 1; }
		engine=$(pidof netback-engine)
		kill -9 "$engine"
		wait_for 10 another_engine "$engine" || return 1
	done
	wait "$1"
}

# states_record: from now on, the states that the two ends go through.
states_record() {
	local dir=/local/domain

	xenstore-watch "$dir/0/backend/vif/$domid/0/state" "$dir/$domid/device/vif/0/state" |
		while read -r path; do xenstore-read "$path"; done >"$state/states" 2>/dev/null &
}

only_connected() {
	sort "$state/states" | uniq -c
	[ "$(sort -u "$state/states")" = 4 ]
}

backend_start
guest_start g1 pv vcpus=2 memory=512
guest_wait g1
domid=$(guest_domid g1)
check "ping before" ping4 g1 5
states_record

tcp_to_guest g1 12 &
check "a TCP connection to the guest survives three engines" survives $!
tcp_from_guest g1 12 &
check "a TCP connection from the guest survives three engines" survives $!

file_make 96
file_to_guest g1 &
check "a file to the guest keeps its hash over three engines" survives $!
file_put g1
file_from_guest g1 &
check "a file from the guest keeps its hash over three engines" survives $!

check "both ends stayed in state 4 all along" only_connected
check "ping after loses nothing" ping4 g1 10
