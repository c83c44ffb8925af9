#!/bin/bash
# SPDX-License-Identifier: MIT -- somebody deletes the interface of a running guest: its next connection gets a new one
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3 --queues 2
wait_be 4
ip link del vif3.0
shim g set-state 5
wait_be 5
shim g drop-rings
shim g set-state 6
wait_be 6
shim g set-state 1
wait_be 2
has_tap vif3.0 || fail "no new interface"
log_has 'vif3.0: its interface was gone and is new: run the hotplug script again' || fail "not in the log"
shim g connect
wait_be 4
