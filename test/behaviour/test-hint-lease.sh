#!/bin/bash
# SPDX-License-Identifier: MIT -- a hint does not outlive the netback whose figures asked for it
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2 3
start_hintd --mode apply --default both
wait_for '[ "$(weight 1)" -gt 270 ]'
kill -9 "${figures_pid[1]}"
wait_for '[ "$(weight 1)" = 256 ] && [ "$(weight 2)" = 256 ] && [ "$(weight 3)" = 256 ]'
wait_for '[ "$(hint reason 1)" = stale ]'
start_figures 1 "${needy[@]}"
wait_for '[ "$(weight 1)" -gt 270 ]'

# a vif that is detached takes its page along
rm "$run/vif1.0.stats"
wait_for '[ "$(weight 1)" = 256 ] && [ "$(weight 2)" = 256 ]'
