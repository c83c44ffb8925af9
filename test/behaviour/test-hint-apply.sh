#!/bin/bash
# SPDX-License-Identifier: MIT -- apply moves weight from consenting hogs to a guest short of CPU, keeps caps, and puts all back at the end
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2 3 4
dom0=$(scheduler=credit2 weight 0)
for sched in credit credit2; do
	use_scheduler $sched
	fakexen sched domain 2 ${sched}_cap=70
	start_hintd --mode apply --default both
	wait_for '[ "$(weight 1)" -gt 270 ]'
	wait_for '[ "$(weight 2)" -lt 256 ] && [ "$(($(weight 1) + $(weight 2) + $(weight 3) + $(weight 4)))" = 1024 ]'
	[ "$(weight 0)" = "$dom0" ] || fail "dom0 was touched"
	[ "$(hint base 0) $(hint current 0)" = "$(weight 0) $(weight 0)" ] || fail "dom0's weights are $(hint base 0) $(hint current 0)"
	[ "$(cap 2)" = 70 ] || fail "the cap is $(cap 2) now"
	for i in 2 3 4; do [ "$(weight $i)" -ge 192 ] || fail "a donor has $(weight $i)"; done
	wait_for '[ "$(hint reason 2)" = donates ] && [ "$(hint class 2)" = cpu-bound ]'
	[ "$(hint base 1)" = 256 ] || fail "base is $(hint base 1)"
	stop_hintd
	for i in 1 2 3 4; do [ "$(weight $i)" = 256 ] || fail "$sched: domain $i was left with $(weight $i)"; done
	[ "$(cap 2)" = 70 ] || fail "the cap is $(cap 2) at the end"
	[ ! -e "$run/hint.json" ] || fail "the report is still there"
done
