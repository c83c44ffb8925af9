#!/bin/bash
# SPDX-License-Identifier: MIT
# e05: the rate limit at 1000, 500, 100 and 0 us on 1, 2, 4 and 16 pCPUs with a hog each, and one guest that wants 10 % of a pCPU
#
# Credit2's wake-up trap: nobody is tickled while all current vCPUs are younger than the limit, and the guest waits for a
# timer of up to 10 ms. How fast does it fade with more pCPUs? No hint.
. "${0%/*}/lib.sh"
experiment e05-ratelimit "the rate limit and wake-ups"

for s in credit credit2; do
	for pcpus in 1 2 4 16; do
		for limit in 1000 500 100 0; do
			{
				pools $s "pcpus=$pcpus ratelimit=$limit"
				echo "guest net"
				hogs $pcpus
				printf '%s\n' "label $s-$pcpus-$limit" "load net pps=2000" "run 2" reset "run 20" "report net"
			} | sim
		done
	done
done

expect "credit2: 1 pCPU, limit 1000: event to first packet (p50, us)" "$(value credit2-1-1000 net kick50)" ">=" 8000
expect "credit2: limit 0" "$(value credit2-1-0 net kick50)" "<=" 20
expect "credit2: limit 0, p99" "$(value credit2-1-0 net kick99)" "<=" 20
expect "credit: 1 pCPU, limit 1000 (p99): no more than the limit" "$(value credit-1-1000 net kick99)" "<=" 1050
expect "credit2: 16 pCPUs, limit 1000 (p50)" "$(value credit2-16-1000 net kick50)" "<=" "0.5 * $(value credit2-1-1000 net kick50)"

plot <<'END'
set title 'Event to first packet, p50, a hog per pCPU'
set xlabel 'pCPUs'; set logscale x 2; set ylabel 'us'; set logscale y; set yrange [0.8:*]
of(l) = sprintf("< awk -F '\t' '{ split($1, l, \"-\") } l[1] == \"%s\" && l[3] == %s { print l[2] \"\t\" $13 }' %s", word(l, 1), word(l, 2), table)
plot for [l in '"credit 1000" "credit 0" "credit2 1000" "credit2 500" "credit2 100" "credit2 0"'] of(l) with linespoints title l
END
