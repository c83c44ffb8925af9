#!/bin/bash
# SPDX-License-Identifier: MIT -- SIGHUP reads the settings again: another mode puts all back; a wrong file changes nothing; and one process at a time
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2 3
printf 'hint_mode = apply\nhint_default = both\nisolation = host\n' > "$tmp/hint.conf"
start_hintd --config "$tmp/hint.conf"
wait_for '[ "$(weight 1)" -gt 270 ]'

timeout 20 "$BUILD/netback-hintd" --config "$tmp/hint.conf" --run-dir "$run" > "$tmp/second.log" 2>&1 && fail "two at once"
grep -q 'another netback-hintd runs' "$tmp/second.log" || fail "$(cat "$tmp/second.log")"

echo 'hint_mode = aply' >> "$tmp/hint.conf"
kill -HUP "$hintd_pid"
wait_for 'hintd_says "hint.conf:4: hint_mode: .aply. is none of"'
[ "$(jq -r .mode "$run/hint.json")" = apply ] || fail "a wrong file changed the mode"

sed -i '$d; s/apply/observe/' "$tmp/hint.conf"
kill -HUP "$hintd_pid"
wait_for '[ "$(weight 1)" = 256 ] && [ "$(weight 2)" = 256 ]'
wait_for '[ "$(jq -r .mode "$run/hint.json")" = observe ]'
sed -i 's/observe/off/' "$tmp/hint.conf"
kill -HUP "$hintd_pid"
wait "$hintd_pid" || fail "ended with $?"
