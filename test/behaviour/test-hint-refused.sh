#!/bin/bash
# SPDX-License-Identifier: MIT -- calls of libxenctrl that fail now and then cost a window, not a weight; a Xen that does not answer ends it
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2 3
start_hintd --mode apply --default both
wait_for '[ "$(weight 1)" -gt 270 ]'
for nth in 3 5 7 9 11; do
	fakexen fault "sched $nth -16 1"
	sleep 0.3
	kill -0 "$hintd_pid" 2> /dev/null || break
done
fakexen fault clear
if kill -0 "$hintd_pid" 2> /dev/null; then
	fakexen fault 'sched 1 -16 ever'
	wait "$hintd_pid" && fail "it ended as if all was well"
	fakexen fault clear
fi
hintd_says 'Xen does not answer' || fail "no word about it"
"$BUILD/netback-hintd" --config /dev/null --run-dir "$run" > "$tmp/off.log" 2>&1 || fail "recovery ended with $?"
for i in 1 2 3; do [ "$(weight $i)" = 256 ] || fail "domain $i has $(weight $i)"; done
