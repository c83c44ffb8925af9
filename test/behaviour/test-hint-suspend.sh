#!/bin/bash
# SPDX-License-Identifier: MIT -- a domain that is asked to suspend, or whose vif closes, loses its hint at once; one that comes back from a save with our weight gets its own
. "$(dirname "$0")/hint.sh"
requires jq xenstore-write
start_host 1 2 3
printf 'hint_mode = apply\nhint_default = both\nhint_interval = 100\n' > "$tmp/hint.conf"
INTERVAL='' start_hintd --config "$tmp/hint.conf"
wait_for '[ "$(weight 1)" -gt 270 ]'
# no window for a long time now: what happens comes from the store
sed -i 's/= 100/= 60000/' "$tmp/hint.conf"
kill -HUP "$hintd_pid"
wait_for '[ "$(jq .interval_ms "$run/hint.json")" = 60000 ]'
# as libxl, and a guest that acknowledges at once
xenstore-write /local/domain/1/control/shutdown suspend
xenstore-write /local/domain/1/control/shutdown ""
wait_for '[ "$(weight 1)" = 256 ]'
stop_hintd

start_hintd --mode apply --default both
wait_for '[ "$(weight 1)" -gt 270 ]'
saved=$(weight 1)
xenstore-write /local/domain/0/backend/vif/1/0/state 5
wait_for '[ "$(weight 1)" = 256 ]'
xenstore-rm /local/domain/0/backend/vif/1

# libxl saved the weight of before: domain 7 is domain 1 again, and has the default weight until its memory is read
wait_for '[ "$(hint reason 1)" = leaving ]'
fakexen kill-domain 1
fakexen domain 7 guest1
fakexen sched domain 7 uuid=1
wait_for '[ "$(hint domid 7)" = 7 ]'
sleep 5 # 50 windows
set_weight 7 "$saved"
fakexen sched domain 7 cpu_rate=300 waiting=700
wait_for '[ "$(weight 7)" = 256 ]'
hintd_says 'saved or migrated with our weight' || fail "no word about it"

# and once it runs, the same weight is a decision
sleep 0.5
set_weight 7 "$saved"
sleep 0.5
[ "$(weight 7)" = "$saved" ] || fail "a decision was overwritten: $(weight 7)"
