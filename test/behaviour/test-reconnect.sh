#!/bin/bash
# SPDX-License-Identifier: MIT -- close and connect again (iPXE to OS), and from 4 straight to 1 (kexec): 5, 6 and 2 in turn
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
index() { ip -o link show vif3.0 | cut -d: -f1; }
before=$(index)
start_shim g 3
states() { sed -n 's/.*vif3.0: state \([0-9]\)$/\1/p' "$tmp/netbackd.log" | tr -d '\n'; }

shim g disconnect
wait_be 6
has_tap vif3.0 || fail "an online device lost its tap"
shim g connect
wait_be 4
shim g restart
wait_be 4
[ "$(states)" = 245624 ] && fail "the restart was not seen"
[ "$(states)" = 2456245624 ] || fail "states: $(states)"
[ "$(index)" = "$before" ] || fail "another tap"
[ "$(vif_field connects)" = 3 ] || fail "connects: $(vif_field connects)"
