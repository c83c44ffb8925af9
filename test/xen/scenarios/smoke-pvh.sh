# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a PVH guest: ping, TCP, files
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

backend_start
guest_boot g1 pvh

check "ping over IPv4 loses nothing" ping4 g1
check "ping over IPv6 loses nothing" ping6 g1
check "TCP to the guest" compare "$(tcp_to_guest g1)" '>' 1
check "TCP from the guest" compare "$(tcp_from_guest g1)" '>' 1
file_make 8
file_put g1
check "a file to the guest keeps its hash" file_to_guest g1
check "a file from the guest keeps its hash" file_from_guest g1
