#!/bin/bash
# SPDX-License-Identifier: MIT
# e11: many want more: what all get together is bounded, and they get it fairly
. "${0%/*}/lib.sh"
experiment e11-recipients "recipients that compete"

# world LABEL SCHEDULER RECIPIENTS CONSENT MODE: two pCPUs, four hogs; each recipient wants 30 % of a pCPU
world() {
	local i
	pools "$2" pcpus=2
	for ((i = 1; i <= $3; i++)); do
		printf '%s\n' "guest n$i hint=recipient" "load n$i pps=6000"
	done
	hogs 4 "hint=$4"
	echo "guest bystander hog=1 vif=0"
	printf '%s\n' "label $1" "hint $5" "run 20" reset "run 60" report
}

# sum LABEL COLUMN REGEX: of the domains whose name matches
sum() {
	awk -F '\t' -v label="$1" -v column="$2" -v who="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
		$1 == label && $2 ~ who { sum += $at[column] }
		END { print sum + 0 }' "$TABLE"
}

# jain LABEL COLUMN REGEX: (sum x)^2 / (n sum x^2): 1 is fair
jain() {
	awk -F '\t' -v label="$1" -v column="$2" -v who="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
		$1 == label && $2 ~ who { x = $at[column]; n++; sum += x; squares += x * x }
		END { printf "%.4f\n", sum * sum / (n * squares) }' "$TABLE"
}

for s in credit credit2; do
	for n in 2 4 8; do
		world $s-$n-off $s $n donor off | sim
		world $s-$n-transfer $s $n donor apply | sim
		world $s-$n-additive $s $n off apply | sim
	done
done

for s in credit credit2; do
	for n in 2 4 8; do
		l=$s-$n
		expect "$l: packets with transfer" "$(sum $l-transfer rx '^n')" ">=" "$(sum $l-off rx '^n')"
		expect "$l: the sum of weights stays" "$(sum $l-transfer weight '^[nhb]')" "<=" "$(sum $l-off weight '^[nhb]')"
		expect "$l: ... and beta bounds it without donors" "$(sum $l-additive weight '^[nhb]')" "<=" \
			"1.25 * $(sum $l-off weight '^[nhb]')"
		expect "$l: recipients fare alike (Jain)" "$(jain $l-transfer rx '^n')" ">=" 0.95
		expect "$l: a bystander's CPU" "$(value $l-transfer bystander cpu)" ">=" \
			"0.97 * $(value $l-off bystander cpu)"
		# beta bounds its entitlement; the schedulers themselves are exact to a few per cent on two pCPUs
		expect "$l: ... additive" "$(value $l-additive bystander cpu)" ">=" "0.98 * 0.8 * $(value $l-off bystander cpu)"
		expect "$l: least of the donors' weights" "$(value $l-transfer h1 weight)" ">=" 192
	done
done

plot <<'END'
set title 'Recipients on two pCPUs beside five hogs: packets of all of them'
set xlabel 'recipients'; set ylabel 'packets/s'; set yrange [0:*]
of(l) = sprintf("< awk -F '\t' '{ split($1, l, \"-\") } l[1] == \"%s\" && l[3] == \"%s\" && $2 ~ /^n/ { sum[l[2]] += $9 } END { for (n = 2; n <= 8; n *= 2) print n \"\t\" sum[n] }' %s", word(l, 1), word(l, 2), table)
plot for [l in '"credit off" "credit additive" "credit transfer" "credit2 off" "credit2 additive" "credit2 transfer"'] \
	of(l) with linespoints title l
END
