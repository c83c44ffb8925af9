#!/bin/bash
# SPDX-License-Identifier: MIT -- an engine that always dies is started ten times at once and then once a second; the vif waits
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd --engine /bin/false
vif_add 3 0
start_shim g 3 --hold
shim g make-rings
shim g publish
shim g set-state 4
wait_for 'log_has "died 10 times within 10 seconds"'
before=$(grep -c 'ended with status 1' "$tmp/netbackd.log")
sleep 3
again=$(($(grep -c 'ended with status 1' "$tmp/netbackd.log") - before))
if [ $again -lt 1 ] || [ $again -gt 4 ]; then fail "started $again times in three seconds"; fi
expect_be state 2
vif_remove 3 0
wait_gone vif3.0
