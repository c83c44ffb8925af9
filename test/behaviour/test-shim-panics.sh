#!/bin/bash
# SPDX-License-Identifier: MIT -- netfront-shim says aloud where a real frontend would panic or hang: by a backend of shell, wrong on purpose
. "$(dirname "$0")/functions.sh"
start_machine 3

# offer KEY=VALUE...: a new device, and a backend that has written this and InitWait
offer()
{
	"$BUILD/fakexen/fakexen" vif-add "$tmp/m" 3 0 > "$tmp/vif-add.log" 2>&1 &
	attach=$!
	wait_for "[ -n \"\$(be frontend)\" ]"
	for pair in feature-rx-copy=1 feature-sg=1 "$@"; do xenstore-write "$be/${pair%%=*}" "${pair#*=}"; done
	xenstore-write "$be/state" 2
	wait $attach
}
withdraw() { xenstore-rm "$be"; xenstore-rm "$fe"; }

# run_shim OPTION...: in the background
run_shim()
{
	: > "$tmp/shim.log"
	FAKEXEN_DOMID=3 XENSTORED_PATH=$tmp/m/xenstored-3.sock \
		"$BUILD/netfront-shim" --timeout 2000 "$@" > "$tmp/shim.out" 2> "$tmp/shim.log" &
	shim=$!
	wait_for "[ \"\$(fe state)\" = 4 ]"
}
expect_fault()
{
	wait $shim
	local status=$?
	[ $status -eq 4 ] || fail "$1: status $status"
	grep -q "FAULT $1: " "$tmp/shim.log" || fail "no $1"
}

# Windows reads numbers of base 2
offer feature-gso-tcpv4=01 feature-gso-tcpv6=2
run_shim --profile windows sink --duration 1
xenstore-write "$be/state" 4
expect_fault backend-keys-broken
grep -q 'feature-gso-tcpv6: 2 is no number of base 2' "$tmp/shim.log" || fail "not said"
withdraw

# xenvif waits five seconds for the control ring
offer feature-ctrl-ring=1
run_shim --profile windows --hash toeplitz sink --duration 1
xenstore-write "$be/state" 4
expect_fault ctrl-not-answered
withdraw

# NetBSD panics when the backend of a device that is wanted closes
offer
run_shim --profile netbsd sink --duration 5
xenstore-write "$be/state" 4
wait_for "grep -q connected $tmp/shim.log"
xenstore-write "$be/state" 6
expect_fault backend-state-unexpected
withdraw

# Linux and NetBSD do without page flipping; others do not look
offer feature-rx-copy=0
as_netbsd() { FAKEXEN_DOMID=3 XENSTORED_PATH=$tmp/m/xenstored-3.sock "$BUILD/netfront-shim" --profile "$1" sink --duration 1; }
as_netbsd netbsd > "$tmp/shim.out" 2> "$tmp/shim.log" && fail "NetBSD connects without feature-rx-copy"
grep -q 'FAULT backend-keys-broken: no feature-rx-copy' "$tmp/shim.log" || fail "rx-copy is not missed"
withdraw

# Mini-OS waits for ever for requests that were not answered
offer
run_shim --profile minios generate --count 3 --size 60
xenstore-write "$be/state" 4
wait_for "[ \"\$(fe state)\" = 5 ]"
xenstore-write "$be/state" 5
wait_for "[ \"\$(fe state)\" = 6 ]"
xenstore-write "$be/state" 6
wait_for "[ \"\$(fe state)\" = 1 ]"
xenstore-write "$be/state" 2
expect_fault tx-unanswered-at-close
