#!/bin/bash
# SPDX-License-Identifier: MIT -- two queues together never go faster than the rate of their vif, either way
. "$(dirname "$0")/frontends.sh"
start_network 1 2 -- --max-queues 2
vif_add 1 0 bridge=br0 rate=25000,50000
vif_add 2 0 bridge=br0
to=$(xenstore-read /local/domain/1/device/vif/0/mac)

# 1.5 MB at 0.5 MB/s, less a burst of 128 KiB: a machine may be slower, never faster
start=$EPOCHREALTIME
run_shim sender 1 --queues 2 generate --count 1500 --size 1000 || fail "sender: status $?"
awk -v from="$start" -v to="$EPOCHREALTIME" 'BEGIN { exit !(to - from >= 0.95 * (1500000 - 131072) / 500000) }' ||
	fail "sent faster than the rate"
[ "$(report sender '"\(.fault_total) \(.tx.okay)"')" = "0 1500" ] || fail "$(cat "$tmp/sender.out")"
[ "$(counter tx_packets)" = 1500 ] || fail "packets: $(counter tx_packets)"
for queue in 0 1; do expect_counted tx_limited vif1.0 $queue; done

# 2 MB/s to a guest of 0.5 MB/s, whose tap's queue takes what it can
xenstore-write /local/domain/0/backend/vif/1/0/rate-rx 25000,50000
in_guest sink 1 --queues 2 sink
wait_for "ctl show vif1.0 --json | jq -e '.policy.rate_rx.bytes == 25000 and .policy.enforced' > /dev/null"
run_shim sender 2 generate --count 6000 --rate 2000 --size 1000 --dst-mac "$to" || fail "sender: status $?"
end_in_guest sink
report sink '"\(.received.payload_bytes) \(.received.seconds) \(.received.corrupt)"' > "$tmp/received"
awk '{ exit !($1 > 100000 && $3 == 0 && $1 <= 1.05 * 500000 * $2 + 131072 + 65536) }' "$tmp/received" ||
	fail "received faster than the rate: $(cat "$tmp/received")"
expect_counted rx_limited vif1.0
