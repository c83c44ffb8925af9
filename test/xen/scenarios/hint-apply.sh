# shellcheck shell=bash
# SPDX-License-Identifier: MIT - what the hint is worth: off, observe and apply in turn in one boot, a network guest and three hogs
#
# First weights under TCP, then the pool's rate limit under pings. /out/hint-SCHEDULER.tsv has the lines that are printed.
# shellcheck source=test/xen/scenarios/hint-lib.sh
. /rig/scenarios/hint-lib.sh
hint_required
ROUNDS=${ROUNDS:-2} LENGTH=${LENGTH:-8}

# column MODE N: the mean of a column of the lines MODE-1, MODE-2 ...
column() {
	awk -F '\t' -v mode="$1" -v n="$2" '$1 ~ "^" mode "-" {
		split($4, ping, " ")
		sum += n == "p99" ? ping[2] : $n
		lines++
	} END { printf "%.2f\n", sum / lines }' "$table"
}

# work SECONDS MODE: netback-hintd in that mode, if it is one, and time for it to settle under the load
work() {
	[ "$2" = off ] || hintd_start --mode "${@:2}"
	sleep "$1"
}

hint_world
consent g1 recipient
for name in $guests_hogs; do
	consent "$name" donor
done
echo "$sched: label, TCP to the guest Mb/s, hogs' CPUs, ping p50 and p99 ms, weights"
hint_measure alone 4
hint_hogs
for ((n = 1; n <= ROUNDS; n++)); do
	for mode in off observe apply; do
		hint_load
		work 15 $mode
		[ $mode != apply ] || { netbackctl hint | sed 's/^/        | /'; }
		hint_load_end
		hint_measure $mode-$n "$LENGTH"
		[ $mode = off ] || hintd_stop
		check "$mode: after it the weights are the administrator's" unhinted
	done
done
rate=$(awk "BEGIN { printf \"%.2f\", $(column apply 2) / $(column off 2) }")
check "TCP to the guest is $rate of that without the hint" compare "$rate" '>=' 1.5
used=$(awk "BEGIN { printf \"%.2f\", $(column apply 3) / $(column off 3) }")
check "the hogs have $used of their CPU" compare "$used" '>=' 0.75
rate=$(awk "BEGIN { printf \"%.2f\", $(column observe 2) / $(column off 2) }")
check "observing does nothing: $rate" compare "$rate" '<' 1.3

# Xen's default of 1 ms is hardly longer than what an emulated CPU needs for the ping itself: as long as 10 ms
# it is to that as the default is on hardware.
pool_set -r 10000
for ((n = 1; n <= ROUNDS; n++)); do
	for mode in off apply; do
		hint_pings
		work 40 $mode --pool-tuning yes --ratelimit-off yes --target-us 2000
		[ $mode != apply ] || { netbackctl hint | sed 's/^/        | /'; }
		printf '%s\t\t\t%s\t%s\n' "ping$mode-$n" "$(hint_ping 400)" "$(xl "sched-$sched" -s -p guests | tr '\n' ' ')" |
			tee -a "$table"
		hint_load_end
		[ $mode = off ] || hintd_stop
	done
done
rate=$(awk "BEGIN { printf \"%.2f\", $(column pingapply p99) / $(column pingoff p99) }")
check "p99 of a ping is $rate of that without the hint" compare "$rate" '<=' 0.5
check "the pool's rate limit is the administrator's again" eval 'xl sched-$sched -s -p guests | grep -q 10000us'
