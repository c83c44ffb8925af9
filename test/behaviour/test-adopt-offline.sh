#!/bin/bash
# SPDX-License-Identifier: MIT -- what happened while no netbackd ran: a detach, a detach by force, a guest that closed, a guest that died
. "$(dirname "$0")/functions.sh"
start_machine 3 4 5 6
start_netbackd
for d in 3 4 5 6; do
	vif_add $d 0
	start_shim g$d $d
done
stop_netbackd

xenstore-write "$be/online" 0 "$be/state" 5
xenstore-rm /local/domain/0/backend/vif/4
xenstore-rm /local/domain/4/device/vif/0
shim g5 set-state 6
fakexen kill-domain 6
start_netbackd

wait_be 6
wait_gone vif3.0
wait_gone vif4.0
wait_for "! ls $run/vif4.0.* > /dev/null 2>&1"
wait_gone vif6.0
vif_is 5 0
wait_be 6
has_tap vif5.0 || fail "an online device lost its tap"
shim g5 drop-rings
shim g5 connect
wait_be 4
