#!/bin/bash
# SPDX-License-Identifier: MIT -- nobody is touched without consent: the key of a domain, or the default
. "$(dirname "$0")/hint.sh"
requires jq xenstore-write
start_host 1 2 3
start_hintd --mode apply
wait_for '[ "$(hint reason 1)" = no-consent ]'
sleep 0.5
for i in 1 2 3; do [ "$(weight $i)" = 256 ] || fail "domain $i was touched"; done

key() { xenstore-write "/local/domain/0/backend/vif/$1/hint" "$2"; }
key 1 recipient
key 3 donor
wait_for '[ "$(weight 1)" -gt 270 ] && [ "$(weight 3)" -lt 256 ]'
[ "$(weight 2)" = 256 ] || fail "domain 2 gave without consent"
key 3 off
wait_for '[ "$(weight 3)" = 256 ]'
key 1 nonsense
wait_for '[ "$(weight 1)" = 256 ]'
[ "$(hint consent 1)" = off ] || fail "nonsense is $(hint consent 1)"
stop_hintd

# whatever the default is
start_hintd --mode observe --default both
wait_for '[ "$(hint consent 2)" = donor ]' # without a vif it is no recipient
[ "$(hint consent 1) $(hint consent 3)" = "off off" ] || fail "nonsense is $(hint consent 1) with another default"
for bad in '' $'recipient\n' recipient-and-donor; do
	key 1 recipient
	wait_for '[ "$(hint consent 1)" = recipient ]'
	key 1 "$bad"
	wait_for '[ "$(hint consent 1)" != recipient ]'
	[ "$(hint consent 1)" = off ] || fail "\"$bad\" is $(hint consent 1)"
done
