#!/bin/bash
# SPDX-License-Identifier: MIT -- two hundred devices at once, before the start and after it
. "$(dirname "$0")/functions.sh"
start_machine 3 4
for n in $(seq 0 99); do vif_add 3 "$n" wait=no; done
start_netbackd
in_wait() { [ "$(ctl list | grep -c '2 InitWait')" = "$1" ]; }
wait_for 'in_wait 100'
for n in $(seq 0 99); do vif_add 4 "$n" wait=no; done
wait_for 'in_wait 200'
[ "$(ip -o link show type tun | wc -l)" = 200 ] || fail "taps"
xenstore-rm /local/domain/0/backend/vif/3
xenstore-rm /local/domain/0/backend/vif/4
wait_for '[ "$(ip -o link show type tun | wc -l)" = 0 ]'
wait_for "[ -z \"\$(find $run -name vif\*)\" ]"
