#!/bin/bash
# SPDX-License-Identifier: MIT
# e01: a network guest that wants 40 % of a pCPU beside 0 to 6 CPU hogs (Chang et al., CLUSTER 2012; Guan et al., TCC 2014)
#
# Measured from the first packet, so that the hint's way up counts. "additive": the hogs do not consent. "tslice": no hint,
# Credit's slice at 5 ms instead.
. "${0%/*}/lib.sh"
experiment e01-hogs "drops of a network guest beside CPU hogs"

# world LABEL HOGS SCHEDULER SETTINGS MODE CONSENT
world() {
	pools "$3" "$4"
	echo "guest net hint=recipient"
	hogs "$2" "hint=$6"
	cat <<-END
		hint $5
		label $1-$2
		run 3
		load net pps=8000
		reset
		run 60
		report
	END
}

for n in $(few_or_many 3 '0 1 2 3 4 5 6'); do
	for s in credit credit2; do
		world "$s-off" "$n" $s "" off donor | sim
		world "$s-transfer" "$n" $s "" apply donor | sim
		world "$s-additive" "$n" $s "" apply off | sim
	done
	world credit-tslice "$n" credit tslice=5 off donor | sim
done

# A hog that takes no part, and a guest that uses all it can get.
for s in credit credit2; do
	for mode in off apply; do
		{
			pools $s
			echo "guest net hint=recipient"
			hogs 3
			echo "guest bystander hog=1 vif=0"
			printf '%s\n' "hint $mode" "label $s-bystander-$mode" "load net pps=16000" \
				"run 20" reset "run 60" report
		} | sim
	done
done

# Bulk: a window of 32 packets, the next one sent for each that is answered.
for s in credit credit2; do
	for mode in off apply; do
		{
			pools $s
			echo "guest net hint=recipient"
			hogs 3
			printf '%s\n' "hint $mode" "label $s-bulk-$mode" "load net clients=32" "run 20" reset "run 60" "report net h1"
		} | sim
	done
done

for s in credit credit2; do
	expect "$s: bulk, packets answered" "$(value $s-bulk-apply net answers)" ">=" "1.5 * $(value $s-bulk-off net answers)"
	expect "$s: bulk, a hog's CPU" "$(value $s-bulk-apply h1 cpu)" ">=" "0.75 * $(value $s-bulk-off h1 cpu) - 0.002"
	expect "$s: drops without the hint, 3 hogs" "$(value $s-off-3 net drop)" ">=" 0.35
	expect "$s: drops with transfer" "$(value $s-transfer-3 net drop)" "<=" 0.04
	expect "$s: a donor's weight is at least 75 % of 256" "$(value $s-transfer-3 h1 weight)" ">=" 192
	expect "$s: its CPU is at least 75 % of what it had" "$(value $s-transfer-3 h1 cpu)" ">=" \
		"0.75 * $(value $s-off-3 h1 cpu)"
	expect "$s: additive, drops are fewer than without" "$(value $s-additive-3 net drop)" "<" \
		"0.8 * $(value $s-off-3 net drop)"
	expect "$s: additive, a hog keeps at least 80 %" "$(value $s-additive-3 h1 cpu)" ">=" \
		"0.8 * $(value $s-off-3 h1 cpu)"
	expect "$s: a bystander's CPU in transfer, to that without" "$(value $s-bystander-apply bystander cpu)" ">=" \
		"$(value $s-bystander-off bystander cpu) - 0.01"
	expect "$s: ... nor does it gain" "$(value $s-bystander-apply bystander cpu)" "<=" \
		"$(value $s-bystander-off bystander cpu) + 0.01"
	expect "$s: while the guest has more" "$(value $s-bystander-apply net cpu)" ">=" \
		"1.5 * $(value $s-bystander-off net cpu)"
	expect "$s: reversals" "$(value $s-transfer-3 net reversals)" "<=" 4
done
expect "credit: a shorter slice alone does not help" "$(value credit-tslice-3 net drop)" ">=" 0.35

plot <<'END'
set title 'Network guest (40 % of a pCPU) beside CPU hogs'
set xlabel 'hogs'; set ylabel 'packets dropped, %'; set yrange [0:*]
of(l) = sprintf("< awk -F '\t' '$2 == \"net\" && sub(\"^%s-\", \"\", $1) { print $1 \"\t\" 100 * $11 }' %s", l, table)
plot for [l in 'credit-off credit-tslice credit-additive credit-transfer credit2-off credit2-additive credit2-transfer'] \
	of(l) with linespoints title l
END
