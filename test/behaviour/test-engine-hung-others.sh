#!/bin/bash
# SPDX-License-Identifier: MIT -- of the vifs that wait for an engine which hangs, only the one whose order came first is given up
. "$(dirname "$0")/functions.sh"
start_machine 3
ROGUE=hang start_netbackd --engine "$BUILD/test/rogue-engine"
for n in 0 1 2; do
	vif_add 3 $n
	start_shim "g$n" 3 --vif $n --hold
	vif_is 3 $n
	shim "g$n" make-rings
	shim "g$n" publish
done
# All their orders are out before the first is answered.
for n in 0 1 2; do shim "g$n" set-state 4; done
vif_is 3 0
wait_be 5
[[ "$(be error)" = *"did not answer"* ]] || fail "error: $(be error)"
for n in 1 2; do
	vif_is 3 $n
	wait_be 4
	[ -z "$(be error)" ] || fail "vif3.$n: $(be error)"
done
