#!/bin/bash
# SPDX-License-Identifier: MIT -- a vif whose attach hangs is to blame for it even if it is detached meanwhile: those behind it are served
. "$(dirname "$0")/functions.sh"
start_machine 3
ROGUE=hang start_netbackd --engine "$BUILD/test/rogue-engine"
for n in 0 1; do
	vif_add 3 $n
	start_shim "g$n" 3 --vif $n --hold
	vif_is 3 $n
	shim "g$n" make-rings
	shim "g$n" publish
done
shim g0 set-state 4
shim g1 set-state 4
sleep 2 # the engine has taken up the first order by now
shim g0 set-state 5
vif_is 3 1
wait_be 4
[ -z "$(be error)" ] || fail "vif3.1: $(be error)"
vif_is 3 0
wait_be 5
log_has 'vif3.0: the engine owes an answer to attach' || fail "not in the log"
