#!/bin/bash
# SPDX-License-Identifier: MIT -- a donor that becomes another guest's backend gets its weight back and gives no more
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2 3
start_hintd --mode apply --default both
wait_for '[ "$(weight 1)" -gt 270 ] && [ "$(weight 2)" -lt 256 ]'
fakexen vif-add 3 0 backend=2 wait=no
wait_for '[ "$(hint reason 2)" = driver ] && [ "$(weight 2)" = 256 ]'
wait_for '[ "$(weight 3)" -lt 256 ]'
