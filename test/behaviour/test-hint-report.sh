#!/bin/bash
# SPDX-License-Identifier: MIT -- netbackctl hint tells what is done and why, says when nobody reports, and a run can be plotted
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2 3
ctl hint > "$tmp/none.out" 2>&1 && fail "a report without netback-hintd"
grep -q 'netback-hintd does not run' "$tmp/none.out" || fail "$(cat "$tmp/none.out")"
start_hintd --mode apply --default both
wait_for '[ "$(hint reason 2)" = donates ]'
ctl hint | grep -q '^ *2 guest2 .* credit2 *cpu-bound *donor .* gives: it is cpu-bound' || fail "$(ctl hint)"
ctl hint guest1 | grep -q '^  starved *0\.' || fail "no figures: $(ctl hint guest1)"
ctl hint 99 > /dev/null 2>&1 && fail "there is no domain 99"

timeout 4 "$BUILD/netbackctl" --run-dir "$run" --json --watch 1 hint > "$tmp/run.json"
stop_hintd KILL
sed -i 's/"time_ms":[0-9]*/"time_ms":1/' "$run/hint.json"
ctl hint 2>&1 | grep -q 'has died, or hangs' || fail "an old report looks like a new one"

requires gnuplot
tools/hint-plot "$tmp/run.json" "$tmp/run.svg" || fail "no plot"
grep -q 'domain 3' "$tmp/run.svg" || fail "domain 3 is not in the plot"
