#!/bin/bash
# SPDX-License-Identifier: MIT -- XDP goes on and off while frames come: each has the headroom the guest was promised, or none
. "$(dirname "$0")/frontends.sh"
start_frontends linux
start_shim g 1 --guard
run_shim sender 2 generate --dst-mac "${mac[1]}" --duration 4 --rate 500 --size 1400 &
sender=$!
wait_for "grep -q connected $tmp/sender.log"
for n in 256 64 0 128 0; do shim g headroom $n; done
wait $sender || fail "$(cat "$tmp/sender.log")"
shim g stats
tail -n 2 "$tmp/g.out" | head -n 1 | jq -e '.rx.headroom > 0 and .rx.headroom < .rx.packets and .fault_total == 0' > /dev/null ||
	fail "$(tail -n 2 "$tmp/g.out")"
