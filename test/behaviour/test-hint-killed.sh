#!/bin/bash
# SPDX-License-Identifier: MIT -- kill -9 at any moment, and the next start puts the administrator's weights back; what he set meanwhile stays
. "$(dirname "$0")/hint.sh"
start_host 1 2 3
for round in $(seq "${ROUNDS:-20}"); do
	start_hintd --mode apply --default both --interval 20
	sleep "0.$(printf %03d $((RANDOM % 200)))"
	stop_hintd KILL
	expected=256
	if [ $((round % 4)) = 0 ]; then
		expected=$((400 + round))
		set_weight 1 $expected
	fi
	"$BUILD/netback-hintd" --config /dev/null --run-dir "$run" > "$tmp/off.log" 2>&1 || fail "recovery ended with $?"
	[ "$(weight 1)" = $expected ] || fail "round $round: domain 1 has $(weight 1), not $expected"
	for i in 2 3; do [ "$(weight $i)" = 256 ] || fail "round $round: domain $i has $(weight $i)"; done
	set_weight 1 256
done
