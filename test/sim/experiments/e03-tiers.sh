#!/bin/bash
# SPDX-License-Identifier: MIT
# e03: a service of two tiers in two domains, beside hogs: the mean time to answer (Govindan et al., VEE 2007)
. "${0%/*}/lib.sh"
experiment e03-tiers "two tiers beside hogs"

# world SCHEDULER HOGS MODE
world() {
	pools "$1" pcpus=2
	echo "guest back hint=recipient cost=60"
	echo "guest front hint=recipient cost=40 peer=back"
	hogs "$2"
	printf '%s\n' "load front clients=10 think=4000" "hint $3 tuning=1 ratelimit_off=1 target=800" "label $1-$2-$3" \
		"run 90" reset "run 60" "report front back"
	((!$2)) || echo "report h1"
}

for s in credit credit2; do
	for hogs in 0 2 4 6; do
		for mode in off apply; do
			world $s $hogs $mode | sim
		done
	done
done

for s in credit credit2; do
	for hogs in 2 4 6; do
		expect "$s: $hogs hogs, mean time to answer, us" "$(value $s-$hogs-apply front mean)" "<=" \
			"0.9 * $(value $s-$hogs-off front mean)"
		expect "$s: $hogs hogs, a hog's CPU" "$(value $s-$hogs-apply h1 cpu)" ">=" \
			"0.75 * $(value $s-$hogs-off h1 cpu)"
	done
done

plot <<'END'
set title 'Two tiers on two pCPUs beside hogs: mean time to answer'
set xlabel 'hogs'; set ylabel 'us'; set yrange [0:*]
of(l) = sprintf("< awk -F '\t' '$2 == \"front\" && match($1, /^%s-/) && sub(/-%s$/, \"\", $1) { sub(/.*-/, \"\", $1); print $1 \"\t\" $18 }' %s", word(l, 1), word(l, 2), table)
plot for [l in '"credit off" "credit apply" "credit2 off" "credit2 apply"'] of(l) with linespoints title l
END
