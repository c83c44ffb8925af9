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
log_has 'the store refuses\|cannot be written' && fail "a driver domain may not write all that was tried"

# Its own guests' policy, and a detach that xl devd would finish.
shim g set-state 6
wait_be 6
shim g drop-rings
shim g connect
wait_be 4
xenstore-write "$be/rate" 1000000,50000
wait_for 'ctl show vif3.0 | grep -q "rate tx *1000000 bytes"'
xenstore-write "$be/online" 0 "$be/state" 5
wait_be 6
wait_gone vif3.0
xenstore-exists "$be" || fail "the directory is xl devd's to remove"
exit 0
