#!/bin/bash
# SPDX-License-Identifier: MIT -- as many threads as there may be, each of which allocates memory within the sandbox
. "$(dirname "$0")/functions.sh"
requires jq
start_machine 3
start_netbackd --workers 16 --max-queues 8
for handle in 0 8; do
	vif_is 3 $handle
	vif_add 3 $handle
	start_shim g$handle 3 --vif $handle --queues 8
	wait_be 4
	wait_for "[ \"\$(vif_field carrier vif3.$handle)\" = true ]"
done
# each serves a queue
wait_for "[ \"\$(ctl stats --json | jq '[.engines[].workers[] | select(.event_ports > 0)] | length')\" = 16 ]"
log_has 'killed' && fail "$(grep killed "$tmp/netbackd.log")"
exit 0
