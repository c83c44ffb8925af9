#!/bin/bash
# SPDX-License-Identifier: MIT
# e07: a domain that serves packets and computes without end (no scheduler sees it block): what helps it
. "${0%/*}/lib.sh"
experiment e07-mixed "packets and a hog in one domain"

# world LABEL SCHEDULER SETTINGS WEIGHT MODE
world() {
	pools "$2" "$3"
	echo "guest net hog=1 weight=$4 hint=recipient"
	hogs 3
	printf '%s\n' "label $1" "hint $5 target=5000" "load net pps=2000" "run 30" reset "run 60" "report net h1"
}

for s in credit credit2; do
	world $s-off $s "" 256 off | sim
	world $s-w512 $s "" 512 off | sim
	world $s-apply $s "" 256 apply | sim
done
world credit-tslice5 credit tslice=5 256 off | sim
world credit-w512-tslice5 credit tslice=5 512 off | sim

expect "credit: packet to end of work (p50, us), weight 512" "$(value credit-w512 net sojourn50)" "<=" \
	"0.6 * $(value credit-off net sojourn50)"
expect "credit: a shorter slice" "$(value credit-tslice5 net sojourn50)" "<=" "0.4 * $(value credit-off net sojourn50)"
expect "credit2: weight 512" "$(value credit2-w512 net sojourn99)" "<=" "$(value credit2-off net sojourn99)"
for s in credit credit2; do
	# Its packets are 10 % of a CPU: that is all its traffic justifies, and less than its share.
	expect "$s: the hint gives no CPU for computing" "$(value $s-apply net weight)" = 256
done

plot <<'END'
set title 'A guest that never blocks, beside three hogs'
set style data histogram; set style fill solid; set ylabel 'packet to end of work, us'; set logscale y; set xtics rotate by -30
of(c) = sprintf("< awk -F '\t' '$2 == \"net\" { print $1 \"\t\" $%d }' %s", c, table)
plot of(15) using 2:xtic(1) title 'p50', of(16) using 2:xtic(1) title 'p99'
END
