#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest is destroyed: its vif goes to 6 without waiting for the toolstack to say so
. "$(dirname "$0")/functions.sh"
start_machine 3 4
start_netbackd
vif_add 3 0
vif_add 4 0
start_shim g 3
start_shim h 4
fakexen kill-domain 3
wait_for '[ "$(be state)" = 6 ] || ! xenstore-exists $be'
wait_gone vif3.0
vif_is 4 0
expect_be state 4
ctl list | grep -q '^vif4.0 *4 Connected' || fail "the other guest suffers"
