#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest that asks for it hears of its own multicast addresses and of broadcasts only, over an engine's death too
. "$(dirname "$0")/data.sh"
start_network 1 2
vif_is 1 0
for guest in 1 2; do vif_add $guest 0 bridge=br0; done

# hears STATUS: guest 1's driver, joined to ...:01, got 50 frames to DST-MAC; the driver sees a frame it did not ask for as a fault
send() { as_guest 2 "$BUILD/netfront-shim" generate --count 50 --rate 500 --delay 100 --dst-mac "$1" > "$tmp/sent" 2>&1 || fail "sender: $(cat "$tmp/sent")"; }
for how in static dynamic; do
	FAKEXEN_DOMID=1 XENSTORED_PATH=$tmp/m/xenstored-1.sock "$BUILD/netfront-shim" -v --mcast $how=01:00:5e:00:00:01 sink \
		> "$tmp/sink.out" 2> "$tmp/sink.log" &
	sink=$!
	cleanup_fn kill $sink
	wait_be 4
	wait_for 'has_carrier vif1.0'
	wait_for "ctl show vif1.0 --json | jq -e '.policy.multicast_filter and .policy.enforced'"
	wait_for '[ "$(counter mcast_changes)" -gt 0 ]'
	before=$(counter rx_mcast)
	send 01:00:5e:00:00:02
	[ $(($(counter rx_mcast) - before)) -ge 50 ] || fail "$how: a foreign group is not filtered"
	kill -KILL "$(vif_field engine_pid vif1.0)"
	send 01:00:5e:00:00:01
	send ff:ff:ff:ff:ff:ff
	send 01:00:5e:00:00:02
	kill $sink
	wait $sink || fail "$how: the sink ended with status $?: $(cat "$tmp/sink.out" "$tmp/sink.log")"
	[ "$(tail -n 1 "$tmp/sink.out" | jq '.received.good')" = 100 ] || fail "$how: $(cat "$tmp/sink.out")"
	wait_for "[ \"\$(be state)\" = 6 ]"
done
