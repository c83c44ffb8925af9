#!/bin/bash
# SPDX-License-Identifier: MIT
# e04: Credit's time slice at 30, 10, 5 and 1 ms, a guest that wants 10 % of a pCPU beside three hogs; no hint
#
# The knob that the law turns after the rate limit.
. "${0%/*}/lib.sh"
experiment e04-tslice "time slices of Credit"

for tslice in 30 10 5 1; do
	{
		pools credit tslice=$tslice
		echo "guest net"
		hogs 3
		printf '%s\n' "label $tslice" "load net pps=2000" "run 5" reset "run 60" "report net h1"
	} | sim
done

expect "30 ms: packet to end of work (p99, us)" "$(value 30 net sojourn99)" ">=" 20000
expect "5 ms" "$(value 5 net sojourn99)" "<=" "0.4 * $(value 30 net sojourn99)"
expect "1 ms" "$(value 1 net sojourn99)" "<=" "$(value 5 net sojourn99)"
expect "1 ms: a hog's CPU stays" "$(value 1 h1 cpu)" ">=" "0.95 * $(value 30 h1 cpu)"

plot <<'END'
set title 'Credit: 10 % network guest beside three hogs'
set xlabel 'time slice, ms'; set logscale xy; set ylabel 'packet to end of work, us'
of(c) = sprintf("< awk -F '\t' '$2 == \"net\" { print $1 \"\t\" $%d }' %s", c, table)
plot of(15) with linespoints title 'p50', of(16) with linespoints title 'p99'
END
