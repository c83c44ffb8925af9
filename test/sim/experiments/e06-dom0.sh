#!/bin/bash
# SPDX-License-Identifier: MIT
# e06: dom0 competes for the same pCPU: what its weight does to a guest's packets (Cherkasova and Gupta; Gupta et al., 2006)
#
# dom0 does 20 us of work a packet here, and the guest as much. The hint never touches dom0: this shows what an administrator
# has to give it.
. "${0%/*}/lib.sh"
experiment e06-dom0 "dom0's weight and a guest's packets"

for s in credit credit2; do
	for weight in $(few_or_many '64 1024' '64 128 256 512 1024 2048'); do
		{
			echo "pool $s"
			echo "dom0 weight=$weight rx=20 tx=20"
			echo "guest net cost=20 hint=recipient"
			hogs 2
			printf '%s\n' "label $s-$weight" "hint apply" "load net pps=16000" "run 10" reset "run 30" report
		} | sim
	done
done

for s in credit credit2; do
	expect "$s: weight 64, packets/s" "$(value $s-64 net rx)" "<=" "0.6 * $(value $s-1024 net rx)"
	expect "$s: dom0's weight is what it was" "$(value $s-64 dom0 weight)" = 64
done

plot <<'END'
set title 'dom0 on the guests'' pCPU: packets that reach the guest'
set xlabel 'weight of dom0'; set logscale x 2; set ylabel 'packets/s'; set yrange [0:*]
of(l) = sprintf("< awk -F '\t' '$2 == \"net\" && sub(\"^%s-\", \"\", $1) { print $1 \"\t\" $9 }' %s", l, table)
plot for [l in 'credit credit2'] of(l) with linespoints title l
END
