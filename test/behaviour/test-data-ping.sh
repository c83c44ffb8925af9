#!/bin/bash
# SPDX-License-Identifier: MIT -- ping, IPv4 and IPv6, one frame and fragments, loses nothing; the counters count
. "$(dirname "$0")/data.sh"
start_network 1 2
start_guest 1
start_guest 2

# From and to whom; all at once, each waits half a second for its last answer.
for path in "0 1" "0 2" "1 0" "1 2" "2 1"; do
	for host in "10.0.0.1${path#* }" "fd00::1${path#* }"; do
		at "${path% *}" ping -q -c 3 -i 0.5 "$host" > "$tmp/ping $path $host.log" 2>&1 &
		pings+=($!)
		at "${path% *}" ping -q -c 3 -i 0.5 -s 20000 "$host" > "$tmp/ping $path $host 20000.log" 2>&1 &
		pings+=($!)
	done
done
wait "${pings[@]}"
for log in "$tmp"/ping*.log; do
	grep -q ' 0% packet loss' "$log" || fail "$log"
done
for name in tx_packets tx_bytes tx_slots tx_notified rx_packets rx_bytes rx_slots rx_notified events \
	copy_segments copy_selfgrant copy_ioctls copy_hypercalls port_ops; do
	expect_counted $name
done
for name in io_calls sleeps rounds event_reads event_ports event_unmasks; do
	ctl stats --json | jq -e --arg name $name '[.engines[].workers[][$name]] | add > 0' > /dev/null ||
		fail "$name: nothing counted"
done
expect_no_drops
# how soon it acts on notifications was seen, too; how soon is the machine's business
ctl stats vif1.0 --json | jq -e '[.vifs[0].queues[].kick[]] | add > 0' > /dev/null ||
	fail "kick latency: $(ctl stats vif1.0 --json | jq -c '[.vifs[0].queues[].kick]')"
stop_guest 1
