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
pvh_tries smoke
