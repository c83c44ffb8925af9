#!/bin/bash
# SPDX-License-Identifier: MIT -- whatever lies below backend/vif at the start, netbackd serves what makes sense
. "$(dirname "$0")/functions.sh"
start_machine 3
root=/local/domain/0/backend/vif
xenstore-write $root/notes/0/state 1 $root/7 "" $root/8/0 "" $root/9/0/state 1 $root/9/0/online 1 $root/9/x/state 1 \
	$root/3/5/state banana $root/3/5/online 1
vif_add 3 0 wait=no
start_netbackd
wait_be 2
vif_is 9 0
wait_be 5
vif_is 3 5
wait_be 5
be error | grep -q state || fail "error is \"$(be error)\""
[ "$(xenstore-ls $root/notes $root/8 | grep -c state)" = 1 ] || fail "wrote where it has no business"
xenstore-read $root/8/0/state 2> /dev/null && fail "wrote a state into an empty directory"
kill -0 "$netbackd_pid"
