# shellcheck shell=bash
# SPDX-License-Identifier: MIT - measures two backends in turn in one boot, prints their ratios
#
# Variables: A, B (backends), ROUNDS, SAMPLES (of each figure in a round), LENGTH (seconds of each
# sample). A sample now and then is a tenth of the others, when a host CPU was away; so the table
# shows medians. /out/bench.tsv holds every sample as "round side metric value".
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

A=${A:-kernel} B=${B:-netbackd} ROUNDS=${ROUNDS:-2} SAMPLES=${SAMPLES:-3} LENGTH=${LENGTH:-4}
results=/out/bench.tsv
: >$results

record() {
	printf '%s\t%s\t%s\t%s\n' "$round" "$side" "$1" "$2" >>$results
	printf '        %-27s %s\n' "$1" "$2"
}

dom0_cpu_seconds() {
	xl list Domain-0 | awk 'NR == 2 { print $NF }'
}

# tcp NAME COMMAND...: rate, and CPU seconds of dom0 for a GB.
tcp() {
	local name=$1 before rate

	shift
	before=$(dom0_cpu_seconds)
	rate=$("$@")
	record "tcp $name Mb/s" "$rate"
	record "tcp $name CPU s/GB" "$(awk -v a="$before" -v b="$(dom0_cpu_seconds)" -v rate="$rate" \
		-v t="$LENGTH" 'BEGIN { printf "%.1f", (b - a) / (rate * t / 8000) }')"
}

tcp_between_guests() {
	guest_run g1 "iperf3 -f m -t $LENGTH -c $(guest_ip4 g2)" | awk '/receiver/ { print $(NF - 2) }'
}

# ping_percentiles: of 100 pings, 20 a second.
ping_percentiles() {
	ping -c 100 -i 0.05 "$(guest_ip4 g1)" | sed -n 's/.* time=\([0-9.]*\) ms/\1/p' | sort -n >"$state/ping"
	record "ping p50 ms" "$(sed -n 50p "$state/ping")"
	record "ping p99 ms" "$(sed -n 99p "$state/ping")"
}

eth0_packets() {
	guest_run g1 "cat /sys/class/net/eth0/statistics/rx_packets"
}

# udp_to_guest: what the reader got, and what the backend brought: the rest is dropped at the reader's socket.
udp_to_guest() {
	local before

	before=$(eth0_packets)
	record "udp to guest packets/s" "$(udp_packets "$(guest_ip4 g1)" -t "$LENGTH")"
	record "udp to eth0 packets/s" $((($(eth0_packets) - before) / LENGTH))
}

# measure ROUND A|B BACKEND: everything, with two fresh guests.
measure() {
	round=$1 side=$2 BACKEND=$3
	echo "round $round, $BACKEND"
	backend_start
	guest_start g1
	guest_start g2
	guest_wait g1
	guest_wait g2
	ping4 g1 5 >/dev/null
	for ((sample = 0; sample < SAMPLES; sample++)); do
		tcp "to guest" tcp_to_guest g1 "$LENGTH"
		tcp "from guest" tcp_from_guest g1 "$LENGTH"
		tcp "guest to guest" tcp_between_guests
		udp_to_guest
		record "udp from guest packets/s" "$(udp_packets "$(guest_ip4 g1)" -R -t "$LENGTH")"
		ping_percentiles
	done
	guest_destroy g1
	guest_destroy g2
	backend_stop
}

# table: a line a metric, of medians; ratio is B's figure to A's. The last one is of all rounds.
table() {
	awk -F '\t' -v rounds="$ROUNDS" -v a="$A" -v b="$B" '
		function median(list, n, v, i, j, t) {
			n = split(list, v, " ")
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) {
					t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
				}
			return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
		}
		function ratio(va, vb) {
			return va > 0 ? sprintf("%5.2f", vb / va) : "    -"
		}
		!($3 in seen) { seen[$3] = 1; name[++n] = $3 }
		{ samples[$3, $1, $2] = samples[$3, $1, $2] " " $4; all[$3, $2] = all[$3, $2] " " $4 }
		END {
			printf "%-27s", ""
			for (r = 1; r <= rounds; r++)
				printf " | %9s %9s ratio", a, b
			print " | ratio of all"
			for (i = 1; i <= n; i++) {
				printf "%-27s", name[i]
				for (r = 1; r <= rounds; r++) {
					va = median(samples[name[i], r, "A"])
					vb = median(samples[name[i], r, "B"])
					printf " | %9s %9s %s", va, vb, ratio(va, vb)
				}
				print " | " ratio(median(all[name[i], "A"]), median(all[name[i], "B"]))
			}
		}' $results
}

for ((n = 1; n <= ROUNDS; n++)); do
	# who goes first alternates: a machine is not the same after a while
	if ((n % 2)); then
		measure $n A "$A"
		measure $n B "$B"
	else
		measure $n B "$B"
		measure $n A "$A"
	fi
done
check "every figure was taken" compare "$(wc -l <$results)" == $((ROUNDS * 2 * 11 * SAMPLES))
table | tee /out/bench.txt
