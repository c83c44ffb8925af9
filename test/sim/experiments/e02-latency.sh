#!/bin/bash
# SPDX-License-Identifier: MIT
# e02: a guest that answers requests, beside hogs, and beside hogs and other guests that answer (Ongaro et al., VEE 2008)
#
# Whoever is boosted goes first, but not if everybody is boosted. The hint may change the pool's settings here (tuning).
. "${0%/*}/lib.sh"
experiment e02-latency "time to answer beside hogs and beside other servers"

# world LABEL SCHEDULER HOGS SERVERS MODE
world() {
	local i
	pools "$2"
	echo "guest net hint=recipient"
	hogs "$3"
	for ((i = 1; i <= $4; i++)); do
		printf '%s\n' "guest s$i" "load s$i clients=1 think=1000"
	done
	printf '%s\n' "load net clients=4 think=3000" "hint $5 tuning=1 ratelimit_off=1 target=800" "label $1" "run 120" reset "run 60" \
		"report net"
	((!$3)) || echo "report h1"
}

for s in credit credit2; do
	for hogs in 0 1 3; do
		for servers in 0 4; do
			for mode in off apply; do
				world "$s-$hogs-$servers-$mode" $s $hogs $servers $mode | sim
			done
		done
	done
done

for s in credit credit2; do
	expect "$s: alone, answers (p99, us)" "$(value $s-0-0-off net answer99)" "<=" 300
	expect "$s: one hog, p99 without the hint" "$(value $s-1-0-off net answer99)" ">=" 1000
	expect "$s: one hog, p99 with the pool's settings" "$(value $s-1-0-apply net answer99)" "<=" \
		"0.6 * $(value $s-1-0-off net answer99)"
	expect "$s: three hogs, p99" "$(value $s-3-0-apply net answer99)" "<=" "0.6 * $(value $s-3-0-off net answer99)"
	expect "$s: a hog's CPU" "$(value $s-3-0-apply h1 cpu)" ">=" "0.9 * $(value $s-3-0-off h1 cpu)"
done
expect "credit2: the wake-up trap, one hog, p50 of an event" "$(value credit2-1-0-off net kick50)" ">=" 5000

plot <<'END'
set title 'Time to answer, 99th percentile, with and without the hint (pool settings allowed)'
set style data histogram; set style fill solid; set ylabel 'us'; set logscale y; set xtics rotate by -40
set label 'scheduler-hogs-other servers' at graph 0.02,0.95
of(m) = sprintf("< awk -F '\t' '$2 == \"net\" && sub(\"-%s$\", \"\", $1) { print $1 \"\t\" $20 }' %s", m, table)
plot for [m in 'off apply'] of(m) using 2:xtic(1) title m
END
