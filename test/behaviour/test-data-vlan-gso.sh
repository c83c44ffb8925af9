#!/bin/bash
# SPDX-License-Identifier: MIT -- large segments behind a tag: no guest takes them, no kernel cuts them, so the engine does
. "$(dirname "$0")/frontends.sh"
start_network 2 3
vif_add 2 0 bridge=br0 vlan=20p/10
vif_add 3 0 bridge=br0 vlan=10
to=$(xenstore-read /local/domain/2/device/vif/0/mac)
in_guest sink 2 sink --vlan 10
run_shim sender 3 generate --dst-mac "$to" --count 20 --rate 50 --delay 300 --proto tcp --size 9000 --gso 1448 ||
	fail "sender: status $?"
wait_for "[ \"\$(counter rx_segments vif2.0)\" = 140 ]"
end_in_guest sink
expect_counted tx_gso_packets vif3.0
[ "$(report sink '"\(.received.payload_bytes) \(.received.corrupt) \(.received.bad_csum) \(.fault_total)"')" = \
	"$((20 * (9000 - 66))) 0 0 0" ] || fail "$(cat "$tmp/sink.out")"
