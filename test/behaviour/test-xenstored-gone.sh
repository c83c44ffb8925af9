#!/bin/bash
# SPDX-License-Identifier: MIT -- no xenstored is not an empty store: netbackd ends, and taps and guests stay as they are
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3
wait_be 4
kill -9 "$(pgrep -f "^xenstored $tmp/m")" || fail "which is xenstored?"
wait "$netbackd_pid"
status=$?
[ $status -eq 1 ] || fail "status $status"
has_tap vif3.0 || fail "the tap is gone"
[ -s "$run/vif3.0.journal" ] || fail "the journal is gone"
