#!/bin/bash
# SPDX-License-Identifier: MIT -- where there are no weights nothing is set; the scheduler is that of the domain's pool; a driver domain is left alone
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2 3
fakexen domain 4 net driver
fakexen sched domain 4 cpu_rate=300 blocked=0 waiting=700
for sched in null arinc653 rtds; do
	use_scheduler $sched
	fakexen counters reset
	start_hintd --mode apply --default both
	# guest 1 uses a third of a CPU, and its budget is 6 ms of 10, then 3
	fakexen sched domain 1 rtds_budget=6000
	if [ $sched = rtds ]; then reason=rtds; else reason=scheduler; fi
	wait_for "[ \"\$(hint reason 1)\" = $reason ] && [ \"\$(hint class 2)\" = cpu-bound ]"
	[ "$(hint reason 0) $(hint reason 4)" = "dom0 driver" ] || fail "dom0 is $(hint reason 0), a driver domain $(hint reason 4)"
	if [ $sched = rtds ]; then
		fakexen sched domain 1 rtds_budget=3000
		wait_for '[ "$(hint reason 1)" = rtds-budget ]'
	fi
	[ "$(fakexen counters sched_sets | tr -dc 0-9)" = 0 ] || fail "$sched: something was set"
	stop_hintd
done
# Xen booted with null, but guests 1 and 2 are in a pool of credit2
use_scheduler null
fakexen sched pool 1 sched_id=6 cpus=1
for i in 1 2; do fakexen sched domain $i cpupool=1 cpu_rate=500 waiting=500; done
scheduler=credit2
start_hintd --mode apply --default both
wait_for '[ "$(weight 1)" -gt 270 ] && [ "$(weight 2)" -lt 256 ]'
[ "$(weight 4)" = 256 ] || fail "the driver domain was touched"
# moved to a pool without weights: what it has there is not ours to change
fakexen sched domain 2 cpupool=0
wait_for '[ "$(hint reason 2)" = scheduler ]'
