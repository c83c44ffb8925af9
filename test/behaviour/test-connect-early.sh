#!/bin/bash
# SPDX-License-Identifier: MIT -- Mini-OS, OpenBSD and Unikraft write 4 before the backend is at 2
. "$(dirname "$0")/functions.sh"
start_machine 3
vif_add 3 0 wait=no
start_shim g 3 --hold --no-sg --no-gso4 --no-gso6 --no-split --no-rx-notify
xenstore-write "$be/feature-rx-copy" 1 # our shim looks for it, those guests do not
shim g make-rings
shim g publish
shim g set-state 4
start_netbackd
wait_be 2
log_has ' vif3.0: state 4' && fail "4 before the script has run"
xenstore-write "$be/hotplug-status" connected
wait_be 4
