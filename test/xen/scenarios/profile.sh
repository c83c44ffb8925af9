# shellcheck shell=bash
# SPDX-License-Identifier: MIT - what netbackd's engine does for a packet: system calls and counters
#
# For each kind of traffic: /out/counters-KIND (netbackd's counters without a tracer, per packet)
# and /out/strace-KIND (strace -c -f of the engine; it slows the engine, so only counts mean a
# thing, and only per packet: the packets are in its last line).
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

BACKEND=netbackd LENGTH=${LENGTH:-5}

udp_64_to_guest() {
	iperf3 -u -l 22 -b 0 -t "$LENGTH" -c "$(guest_ip4 g1)"
}

udp_64_from_guest() {
	iperf3 -u -l 22 -b 0 -t "$LENGTH" -R -c "$(guest_ip4 g1)"
}

# counters: the vif's and its engine's, one "name value" a line, queues and workers added up.
counters() {
	netbackctl stats "$vif" --json | grep -o '"[a-z_]*": *[0-9]*' | tr '":' '  ' |
		awk '$1 != "monotonic_ns" { sum[$1] += $2 } END { for (name in sum) print name, sum[name] }' | sort
}

packets() {
	counters | awk '/^[rt]x_packets / { sum += $2 } END { print sum }'
}

# per_packet BEFORE AFTER: what moved, also divided by the packets of both ways.
per_packet() {
	awk '
		FNR == NR { before[$1] = $2; next }
		{ moved[$1] = $2 - before[$1] }
		END {
			all = moved["tx_packets"] + moved["rx_packets"]
			for (name in moved)
				if (moved[name] > 0 && all > 0)
					printf "%-20s %10.0f %8.3f\n", name, moved[name], moved[name] / all
		}' "$1" "$2" | sort
}

# profile KIND COMMAND...
profile() {
	local kind=$1 tracer before

	shift
	echo "--- $kind: counters, each divided by packets"
	counters >"$state/before"
	"$@" >/dev/null
	counters >"$state/after"
	per_packet "$state/before" "$state/after" | tee "/out/counters-$kind"

	before=$(packets)
	strace -c -f -o "/out/strace-$kind" -p "$(pidof netback-engine)" 2>/dev/null &
	tracer=$!
	sleep 1
	"$@" >/dev/null
	kill -INT $tracer
	wait $tracer || true
	echo "packets: $(($(packets) - before))" >>"/out/strace-$kind"
	echo "--- $kind: system calls"
	cat "/out/strace-$kind"
}

backend_start
guest_start g1
guest_wait g1
vif=$(guest_vif g1)
ping4 g1 5 >/dev/null
profile tcp-to-guest tcp_to_guest g1 "$LENGTH"
profile tcp-from-guest tcp_from_guest g1 "$LENGTH"
profile udp-to-guest udp_64_to_guest
profile udp-from-guest udp_64_from_guest
check "something was counted" test -s /out/counters-udp-from-guest
check "the engine lives" pidof netback-engine
