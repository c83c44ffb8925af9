#!/bin/bash
# SPDX-License-Identifier: MIT -- xenvif and FreeBSD begin again when the backend of a wanted device says Closed: it is served again
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
for profile in windows freebsd; do
	vif_add 3 0
	start_shim $profile 3 --profile $profile
	wait_be 4
	xenstore-write "$be/state" 6
	wait_for "grep -q 'connected again' $tmp/$profile.log"
	wait_be 4
	shim $profile stats
	grep -q '"connects":2,.*"fault_total":0' "$tmp/$profile.out" || fail "$(tail -n 2 "$tmp/$profile.out")"
	shim $profile disconnect
	vif_remove 3 0
done
