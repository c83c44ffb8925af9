#!/bin/bash
# SPDX-License-Identifier: MIT -- two guests with the same vifname: the second gets an interface of its own, the first keeps its tap
. "$(dirname "$0")/functions.sh"
start_machine 3 4
start_netbackd
vif_add 3 0 vifname=blue
ip link set vif3.0 name blue up
start_shim g 3
wait_be 4
wait_for has_carrier blue
index=$(ip -o link show blue | cut -d: -f1)

vif_add 4 0 vifname=blue
has_tap vif4.0 || fail "the second guest has no interface of its own"
vif_remove 4 0
wait_gone vif4.0
has_carrier blue || fail "the first guest is cut off"
[ "$(ip -o link show blue | cut -d: -f1)" = "$index" ] || fail "the first guest's interface was made anew"
