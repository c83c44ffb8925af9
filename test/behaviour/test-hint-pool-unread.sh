#!/bin/bash
# SPDX-License-Identifier: MIT -- settings of a pool that cannot be read for a window are not written, whichever call of libxenctrl it is that fails
. "$(dirname "$0")/hint.sh"
start_host 1 2
INTERVAL=200
# nothing to do, and no vCPU to sample: each window makes the same calls
for i in 1 2; do fakexen sched domain $i cpu_rate=0; done
alive() { [ -n "$hintd_pid" ] && kill -0 "$hintd_pid" 2> /dev/null; }
hintd_pid=
fakexen counters reset
for nth in $(seq 14); do
	alive || start_hintd --mode apply --default both
	fakexen fault "sched $nth -16 1"
	sleep 0.5
	fakexen fault clear
done
[ "$(fakexen counters sched_sets | tr -dc 0-9)" = 0 ] || fail "something was set"
[ "$(fakexen sched pool 0 | sed -n 's/^credit2_ratelimit_us=//p')" = 1000 ] || fail "the rate limit was left otherwise"
