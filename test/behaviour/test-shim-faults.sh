#!/bin/bash
# SPDX-License-Identifier: MIT -- netfront-shim sees what netbackd does wrong, which is made to by those who change things behind its back
. "$(dirname "$0")/frontends.sh"
start_frontends linux

# a staged page that was let go already
start_shim g 1 --staging 4
shim g page tx:0,1
shim g ctrl 10 0 page 1
shim g disconnect
shim g stats
grep -q '"ctrl-staged-grant-not-given-back":' "$tmp/g.out" || fail "staging: $(cat "$tmp/g.out")"

# a multicast filter that somebody takes back
in_guest sink 1 --mcast static=01:00:5e:00:00:05 sink
xenstore-write "$fe/request-multicast-control" 0
wait_for "ctl show vif1.0 --json | jq -e '.policy.multicast_filter == false and .policy.enforced'"
run_shim sender 2 generate --dst-mac 01:00:5e:00:00:06 --count 20 --rate 200 --delay 300 || fail "$(cat "$tmp/sender.log")"
wait_for "kill -USR1 ${in_guest_pid[sink]}; [ \"\$(report sink '.received.good')\" = 20 ]"
kill "${in_guest_pid[sink]}"
wait "${in_guest_pid[sink]}"
[ $? -eq 4 ] || fail "multicast: $(cat "$tmp/sink.out")"
[ "$(report sink '.faults["rx-multicast-not-asked-for"] >= 20')" = true ] || fail "multicast: $(cat "$tmp/sink.out")"

# a key of the hash that somebody else sets
start_shim h 1 --hash toeplitz
shim h page 1,2,3
shim h ctrl 3 page 40
run_shim sender 2 generate --dst-mac "${mac[1]}" --count 20 --rate 200 --delay 300 || fail "$(cat "$tmp/sender.log")"
shim h stats
grep -q '"rx-hash-wrong":' "$tmp/h.out" || fail "hash: $(cat "$tmp/h.out")"
