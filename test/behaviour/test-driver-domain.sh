#!/bin/bash
# SPDX-License-Identifier: MIT -- in a driver domain netbackd serves its own backend directory with a guest's rights to the store
. "$(dirname "$0")/functions.sh"
start_machine 3
fakexen domain 1 net driver
export FAKEXEN_DOMID=1 XENSTORED_PATH=$tmp/m/xenstored-1.sock
start_netbackd
log_has 'ready.*domain 1' || fail "does not know its domain"
export FAKEXEN_DOMID=0 XENSTORED_PATH=$tmp/m/xenstored.sock
be=/local/domain/1/backend/vif/3/0
vif_add 3 0 backend=1 wait=no
wait_be 2
has_tap vif3.0 || fail "no tap"
xenstore-write "$be/hotplug-status" connected
start_shim g 3
wait_be 4
shim g set-state 8
wait_be 5
be error | grep -q 'state 8' || fail "no reason"
