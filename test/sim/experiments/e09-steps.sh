#!/bin/bash
# SPDX-License-Identifier: MIT
# e09: a load that begins and ends, one that is on and off in turn, one that comes in bursts: does the hint settle?
#
# Traces, a line a second, stay in $OUT. Settled: from then on the weight is what it is 30 s later.
. "${0%/*}/lib.sh"
experiment e09-steps "a load that changes"

# world LABEL SCHEDULER LOAD...: 20 s of little, 60 s of that, 40 s of little
world() {
	local label=$1 scheduler=$2
	shift 2
	pools "$scheduler"
	echo "guest net hint=recipient"
	hogs 3
	printf '%s\n' "label $label" "hint apply" "trace $OUT/$name-$label.trace" "load net pps=500" "run 20" reset \
		"load net $*" "run 60" "report net h1" "load net pps=500 on=0 burst=1" "run 40"
}

# settled LABEL FROM: seconds from then until the weight was final; overshoot LABEL FROM: beyond that, in between
settled() {
	awk -F '\t' -v from="$2" '$2 == "net" { weight[$1] = $6 }
		END { for (t = from + 30; t > from && weight[t] == weight[from + 30]; t--); print t - from + 1 }' "$OUT/$name-$1.trace"
}

overshoot() {
	awk -F '\t' -v from="$2" '$2 == "net" { weight[$1] = $6 }
		END { for (t = from; t < from + 30; t++) if (weight[t] - weight[from + 30] > most) most = weight[t] - weight[from + 30]
			print most + 0 }' "$OUT/$name-$1.trace"
}

for s in credit credit2; do
	world $s-step $s pps=8000 | sim
	for ms in 200 1000 3000 10000; do
		world $s-square-$ms $s "pps=8000 on=$ms off=$ms" | sim
	done
	world $s-burst $s "pps=8000 burst=400" | sim
done

for s in credit credit2; do
	expect "$s: a step up settles, s" "$(settled $s-step 20)" "<=" 5
	expect "$s: overshoot of the weight" "$(overshoot $s-step 20)" "<=" 0
	expect "$s: back at the administrator's weight, s after the end" "$(settled $s-step 80)" "<=" 15
	expect "$s: drops within the minute" "$(value $s-step net drop)" "<=" 0.04
	for kind in step square-200 square-1000 square-3000 square-10000 burst; do
		expect "$s: $kind: reversals in a minute" "$(value $s-$kind net reversals)" "<=" 2
	done
done

plot <<END
set title '500, 8000, 500 packets/s beside three hogs'
set xlabel 's'; set ylabel 'weight'; set y2label 'share of packets dropped'; set y2tics; set y2range [0:1]
of(s, d, c) = sprintf("< awk -F '\t' '\$2 == \"%s\" { print \$1 \"\t\" \$%d }' $OUT/$name-%s-step.trace", d, c, s)
plot for [s in 'credit credit2'] of(s, 'net', 6) with steps lw 2 title s.' guest', \
	for [s in 'credit credit2'] of(s, 'h1', 6) with steps title s.' hog', \
	for [s in 'credit credit2'] of(s, 'net', 10) axes x1y2 with impulses title s.' drops'
END
