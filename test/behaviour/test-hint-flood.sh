#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest that writes below its control/shutdown without end holds up no window, no signal, and no other domain
. "$(dirname "$0")/hint.sh"
requires jq xenstore-write
start_host 1 2 3
start_hintd --mode apply --default both
wait_for '[ "$(weight 1)" -gt 270 ]'
writes=()
for i in $(seq 1000); do writes+=("control/shutdown/$((i % 8))" "$i"); done
for i in 1 2 3; do
	(while :; do XENSTORED_PATH=$tmp/m/xenstored-1.sock xenstore-write "${writes[@]}"; done) &
	cleanup_fn kill $!
done
sleep 1
xenstore-write /local/domain/3/control/shutdown suspend
wait_for '[ "$(hint reason 3)" = leaving ]'
rm "$run/hint.json"
wait_for '[ -e "$run/hint.json" ]'
SECONDS=0
stop_hintd
[ $SECONDS -lt 5 ] || fail "it took $SECONDS s to end"
for i in 1 2 3; do [ "$(weight $i)" = 256 ] || fail "domain $i was left with $(weight $i)"; done
