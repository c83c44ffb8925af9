#!/bin/bash
# SPDX-License-Identifier: MIT
# e08: a hog that wants CPU by pretending to be a server: it sends junk, and lets frames wait for buffers it does not post
#
# It consents to be a recipient. What it may gain is what the packets justify that it got or answered, 50 us each, and a
# quarter of that.
. "${0%/*}/lib.sh"
experiment e08-junk "a hog that pretends to be a server"

# world LABEL SCHEDULER JUNK FLOOD MODE; the flood comes from the world, to a guest that is too slow for it
world() {
	pools "$2"
	echo "guest cheat hog=1 junk=$3 cost=200 hint=both"
	hogs 3
	printf '%s\n' "label $1" "hint $5" "load cheat pps=$4" "run 30" reset "run 60" "report cheat h1"
}

for s in credit credit2; do
	for junk in 0 2000 40000; do
		for flood in 0 200 2000; do
			for mode in off apply; do
				world "$s-$junk-$flood-$mode" $s $junk $flood $mode | sim
			done
		done
	done
done

# bound LABEL: a quarter more than its packets justify, or its fair share if that is more
bound() {
	local rx tx
	rx=$(value "$1" cheat rx) tx=$(value "$1" cheat tx)
	calc "$rx + ($tx < $rx ? $tx : $rx) > 4000 ? 1.25 * 50e-6 * ($rx + ($tx < $rx ? $tx : $rx)) : 0.25"
}

for s in credit credit2; do
	for junk in 0 2000 40000; do
		for flood in 0 200 2000; do
			expect "$s: junk $junk/s, flood $flood/s: its CPU is within the bound" \
				"$(value $s-$junk-$flood-apply cheat cpu)" "<=" "$(bound $s-$junk-$flood-apply) + 0.01"
			expect "$s: a hog keeps 75 %" "$(value $s-$junk-$flood-apply h1 cpu)" ">=" "0.75 * 0.25 - 0.005"
		done
	done
done

plot <<'END'
set title 'CPU of a hog that pretends to be a server, fair share 0.25'
set style data histogram; set style fill solid; set yrange [0:*]; set xtics rotate by -40
of(m) = sprintf("< awk -F '\t' '$2 == \"cheat\" && sub(\"-%s$\", \"\", $1) { print $1 \"\t\" $5 }' %s", m, table)
plot for [m in 'off apply'] of(m) using 2:xtic(1) title m
END
