#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest that ignores the detach keeps its rings three seconds, not libxl's ten
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3
before=$SECONDS
vif_remove 3 0
took=$((SECONDS - before))
if [ $took -lt 2 ] || [ $took -gt 6 ]; then fail "took $took s"; fi
wait_gone vif3.0
