#!/bin/bash
# SPDX-License-Identifier: MIT -- no grant is in use after its response (Linux gives the device up, FreeBSD panics), nor once we are Closing (NetBSD waits)
. "$(dirname "$0")/frontends.sh"
start_frontends freebsd

# A grant that its guest has ended and somebody still has mapped says "ended".
in_guest echo 2 echo
run_shim sender 1 --profile freebsd generate --dst-mac "${mac[2]}" --duration 3 --rate 5000 --linger 300 &
sender=$!
wait_for "[ \"\$(be state)\" = 4 ]"
while kill -0 $sender 2> /dev/null; do
	fakexen grants 1 >> "$tmp/grants"
done
wait $sender || fail "status $?: $(cat "$tmp/sender.out" "$tmp/sender.log")"
end_in_guest echo
[ "$(report sender .received.good)" -gt 3000 ] || fail "$(cat "$tmp/sender.out")"
grep ended "$tmp/grants" && fail "in use after the response"
[ "$(grep -c writing "$tmp/grants")" -gt 20 ] || fail "not even the rings were seen mapped"

start_shim g 1 --profile netbsd
wait_be 4
mapped() { fakexen grants 1 | grep mapped; }
[ "$(mapped | wc -l)" = 2 ] || fail "not the two rings: $(mapped)"
shim g set-state 5
wait_be 5
mapped && fail "mapped in Closing"
shim g set-state 6
wait_be 6
