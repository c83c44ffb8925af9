#!/bin/bash
# SPDX-License-Identifier: MIT -- a weight that the administrator sets during a hint stays, is the new base, and is left alone for a while
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2 3
start_hintd --mode apply --default both
wait_for '[ "$(weight 1)" -gt 270 ]'
set_weight 1 100
wait_for '[ "$(hint reason 1)" = administrator ]'
[ "$(hint base 1)" = 100 ] || fail "base is $(hint base 1)"
sleep 2
[ "$(weight 1)" = 100 ] || fail "it was overwritten: $(weight 1)"
# what the hint had taken from the donors for it goes back
wait_for '[ "$(weight 2)" = 256 ] && [ "$(weight 3)" = 256 ]'
stop_hintd
[ "$(weight 1)" = 100 ] || fail "it was overwritten at the end: $(weight 1)"
