#!/bin/bash
# SPDX-License-Identifier: MIT -- observe says what it would do and why, and writes nothing; off ends at once
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2 3
fakexen counters reset
start_hintd --mode observe --default both
wait_for '[ "$(hint wanted 1)" -gt 270 ] && [ "$(hint wanted 2)" -lt 256 ]'
hintd_says 'domain 1 (guest1): weight would go 256 -> .*: raised' || fail "it does not say so"
[ "$(hint current 1)" = 256 ] || fail "current is $(hint current 1)"
[ "$(weight 1)" = 256 ] || fail "it wrote"
[ "$(fakexen counters sched_sets | tr -dc 0-9)" = 0 ] || fail "libxenctrl was told to set something"
stop_hintd

"$BUILD/netback-hintd" --config /dev/null --run-dir "$run" > "$tmp/off.log" 2>&1 || fail "off ended with $?"
grep -q 'hint_mode is off' "$tmp/off.log" || fail "off says nothing"
