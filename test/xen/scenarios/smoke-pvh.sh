# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a PVH guest: ping, TCP, files
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# smoke NAME
smoke() {
	check "it boots" guest_boot "$1" pvh
	[ "$failed" -eq 0 ] || return 0
	check "ping over IPv4 loses nothing" ping4 "$1"
	check "ping over IPv6 loses nothing" ping6 "$1"
	check "TCP to the guest" compare "$(tcp_to_guest "$1")" '>' 1
	check "TCP from the guest" compare "$(tcp_from_guest "$1")" '>' 1
	check "a file is laid into the guest" file_put "$1"
	check "a file to the guest keeps its hash" file_to_guest "$1"
	check "a file from the guest keeps its hash" file_from_guest "$1"
}

backend_start
file_make 8
# The emulator runs SVM inside emulation and now and then breaks a guest: a try that Xen ended by a triple
# fault tells nothing of the network.
for try in 1 2 3 4 5; do
	faults=$(triple_faults)
	smoke "g$try"
	if [ "$failed" -eq 0 ] || [ "$(triple_faults)" -eq "$faults" ]; then break; fi
	note "try $try: the emulator broke the guest"
	[ "$try" -eq 5 ] || failed=0
done
