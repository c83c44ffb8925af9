# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a PVH guest: ping, TCP, files
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

backend_start
guest_start g1 pvh
# The emulator runs SVM inside emulation, and once in a while such a guest hangs before its kernel has
# found any device. Only then it is started a second time: a vif that was connected counts.
vif_state=/local/domain/0/backend/vif/$(guest_domid g1)/0/state
if ! guest_wait g1; then
	check "the guest hung before it saw its vif" [ "$(xenstore-read "$vif_state")" = 2 ]
	guest_destroy g1
	guest_start g1 pvh
	guest_wait g1
fi

check "ping over IPv4 loses nothing" ping4 g1
check "ping over IPv6 loses nothing" ping6 g1
check "TCP to the guest" compare "$(tcp_to_guest g1)" '>' 1
check "TCP from the guest" compare "$(tcp_from_guest g1)" '>' 1
file_make 8
file_put g1
check "a file to the guest keeps its hash" file_to_guest g1
check "a file from the guest keeps its hash" file_from_guest g1
