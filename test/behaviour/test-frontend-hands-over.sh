#!/bin/bash
# SPDX-License-Identifier: MIT -- iPXE resets the device, deletes its keys when it hands over, and Linux takes it; then iPXE after a crash
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim ipxe 3 --profile ipxe
wait_be 4
[ "$(fe feature-no-csum-offload)" = 1 ] || fail "iPXE takes blank checksums"
shim ipxe disconnect
wait_be 2
for key in tx-ring-ref rx-ring-ref event-channel request-rx-copy feature-sg feature-no-csum-offload; do
	[ -z "$(fe $key)" ] || fail "$key was left"
done
start_shim linux 3
wait_be 4
[ -z "$(fe feature-no-csum-offload)" ] || fail "Linux asks for whole checksums"

# a guest that crashed lets iPXE begin from Connected: 5, 6 and 2 by Closed alone
kill -9 "$(pgrep -f "netfront-shim --domid 3 -v connect" -P $$)"
start_shim again 3 --profile ipxe
wait_be 4
shim again stats
grep -q '"profile":"ipxe".*"fault_total":0' "$tmp/again.out" || fail "$(cat "$tmp/again.out")"
