#!/bin/bash
# SPDX-License-Identifier: MIT
# e10: the daemon is killed and started at random moments while an administrator changes weights and the load changes
#
# The daemon is the simulator's model (journal, recovery); the true one is tried on the mocked libxenctrl. Here it is the
# law that starts from nothing in the middle of things. RESTARTS (default 200) for each scheduler.
. "${0%/*}/lib.sh"
experiment e10-restarts "killed and started again at random moments"

# commands SEED: lines of a script, and what the administrator's weights are at the end, as comments
commands() {
	awk -v seed="$1" -v n="${RESTARTS:-200}" 'BEGIN {
		srand(seed)
		weight["net"] = weight["h1"] = weight["h2"] = weight["h3"] = 256
		split("net h1 h2 h3", name, " ")
		for (i = 0; i < n; i++) {
			printf "run %.3f\n", rand() * 8
			who = name[1 + int(rand() * 4)]
			if (rand() < 0.1)
				print "weight " who " " (weight[who] = 100 + int(rand() * 400))
			print "hint kill"
			if (rand() < 0.3)
				printf "run %.3f\n", rand() * 5
			who = name[1 + int(rand() * 4)]
			if (rand() < 0.1)
				print "weight " who " " (weight[who] = 100 + int(rand() * 400))
			if (rand() < 0.3)
				print "load net pps=" int(rand() * 16000)
			print "hint start"
		}
		for (i in name)
			print "# " name[i] " " weight[name[i]]
	}'
}

for s in credit credit2; do
	commands 7 >"$OUT/$name-$s.script"
	{
		pools $s
		echo "guest net hint=recipient"
		hogs 3
		printf '%s\n' "hint apply" "trace $OUT/$name-$s.trace" "load net pps=8000" reset
		cat "$OUT/$name-$s.script"
		# Long enough for hands to be put on again, and then the end.
		printf '%s\n' "run 70" "label $s-apply" report "hint off" "label $s-off" report
	} | sim
	expect "$s: weights that were written" "$(value $s-apply net changes)" ">=" 50
	expect "$s: the guest is raised at last" "$(value $s-apply net weight)" ">" "$(value $s-apply net base)"
	while read -r _ who weight; do
		expect "$s: $who has the administrator's weight" "$(value $s-off "$who" weight)" = "$weight"
	done < <(grep '^#' "$OUT/$name-$s.script")
done

plot <<END
set title 'An administrator at work while the daemon is killed and started'
set xlabel 's'; set ylabel 'weight'
of(s, d, c) = sprintf("< awk -F '\t' '\$2 == \"%s\" { print \$1 \"\t\" \$%d }' $OUT/$name-%s.trace", d, c, s)
plot for [d in 'net h1'] of('credit2', d, 5) with steps lw 3 title d.', the administrator', \
	for [d in 'net h1'] of('credit2', d, 6) with steps title d.', in Xen'
END
