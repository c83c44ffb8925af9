#!/bin/bash
# SPDX-License-Identifier: MIT -- directories that vanish, with and without a connection, leave no tap, file or engine behind
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
clean() { ! has_tap vif3.0 && ! ctl list | grep -q vif3.0 && ! ls "$run"/vif3.0.* > /dev/null 2>&1; }

vif_add 3 0
xenstore-rm "$be"
wait_for clean

vif_add 3 0
start_shim g 3
xenstore-rm "$be"
wait_for clean
xenstore-exists "$be" && fail "the directory was written into again"

vif_add 3 0
start_shim h 3
xenstore-rm "$fe"
wait_be 6
wait_for '! has_tap vif3.0'
xenstore-rm "$be"
wait_for clean
wait_for "! ls $run/engine-* > /dev/null 2>&1"
