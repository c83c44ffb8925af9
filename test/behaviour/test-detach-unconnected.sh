#!/bin/bash
# SPDX-License-Identifier: MIT -- a device no guest uses goes at once, not after libxl's ten seconds
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
before=$SECONDS
vif_remove 3 0
[ $((SECONDS - before)) -le 2 ] || fail "took $((SECONDS - before)) s"
wait_gone vif3.0
wait_for "! ls $run/vif3.0.* > /dev/null 2>&1"
wait_for '! ctl list | grep vif3.0'
