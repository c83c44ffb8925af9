#!/bin/bash
# SPDX-License-Identifier: MIT -- what an engine gives as a reason is plain text in the store and on the terminal, whatever it wrote
. "$(dirname "$0")/functions.sh"
start_machine 3
ROGUE=text start_netbackd --engine "$BUILD/test/rogue-engine"
vif_add 3 0
start_shim g 3 --hold
shim g make-rings
shim g publish
shim g set-state 4
wait_be 5
expect_be error '22 the engine cannot attach it: red ?[31m and ???more'
