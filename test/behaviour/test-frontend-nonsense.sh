#!/bin/bash
# SPDX-License-Identifier: MIT -- states no frontend has: the vif fails with a reason and comes back when the guest starts over
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3
for state in 2 8; do
	shim g set-state $state
	wait_be 5
	be error | grep -q "state $state, which no frontend has" || fail "$state: \"$(be error)\""
	shim g drop-rings
	shim g set-state 1
	wait_be 2
	shim g connect
	wait_be 4
done
shim g write state banana
wait_be 5
[ "$(vif_field failures)" = 3 ] || fail "failures: $(vif_field failures)"
