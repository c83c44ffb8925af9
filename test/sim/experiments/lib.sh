# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# lib.sh: for experiments: worlds into a table, expectations about it, a plot
#
# An experiment is a script that sources this, says what it is about, runs worlds and states what it expects:
#
#	experiment e01-hogs "a hog more or less"
#	{ pools credit2; hogs 3; echo ...; } | sim	netback-sim; its reports go into the table
#	value LABEL DOMAIN COLUMN	a number of the table
#	expect "what" A OP B	OP: <= >= < > = ; counts; the script's status tells
#	few_or_many FEW MANY	words: MANY only with PLOT=1, for points that no expectation is about
#	plot < GNUPLOT		only with PLOT=1; `table` is the table, columns are those of report.c
#
# Tables and plots go to $OUT (default build/sim). It takes seconds; a slower one says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
BUILD=${BUILD:-$PWD/build}
OUT=${OUT:-$BUILD/sim}
failed=0

experiment() {
	name=$1
	mkdir -p "$OUT"
	TABLE=$OUT/$name.tsv
	: >"$TABLE"
	echo "$name: $2"
	trap 'exit $((failed > 0))' EXIT
}

# pools SCHEDULER [SETTINGS]: one for the guests, and a pCPU of its own for dom0
pools() {
	echo "pool $1 ${2:-}"
	echo "pool credit2"
	echo "dom0 pool=1"
}

# hogs N [SETTINGS]: h1, h2 ..., CPU-bound donors unless the settings say otherwise
hogs() {
	local i
	for ((i = 1; i <= $1; i++)); do
		echo "guest h$i hog=1 vif=0 hint=donor ${2:-}"
	done
}

sim() {
	"$BUILD/netback-sim" - >"$TABLE.part"
	if [ -s "$TABLE" ]; then
		tail -n +2 "$TABLE.part" >>"$TABLE"
	else
		cat "$TABLE.part" >"$TABLE"
	fi
	rm "$TABLE.part"
}

value() {
	awk -F '\t' -v label="$1" -v domain="$2" -v column="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
		$1 == label && $2 == domain { print $at[column]; found = 1; exit }
		END { if (!found) { print "no line " label " " domain > "/dev/stderr"; exit 1 } }' "$TABLE"
}

few_or_many() {
	[ "${PLOT:-0}" = 1 ] && echo "$2" || echo "$1"
}

# calc EXPRESSION: of numbers
calc() {
	awk "BEGIN { printf \"%.4f\n\", ($*) }"
}

# expect WHAT A OP B: numbers, or sums of them
expect() {
	local what=$1 a=$2 op=$3 b=$4
	[ "$op" != = ] || op="=="
	if awk "BEGIN { exit !(($a) $op ($b)) }"; then
		echo "  ok    $what: $a"
	else
		echo "  FAIL  $what: $a, wanted $op $b"
		failed=$((failed + 1))
	fi
}

plot() {
	if [ "${PLOT:-0}" = 1 ]; then
		{
			cat <<-END
				set terminal svg size 900,500 background '#ffffff'
				set output '$OUT/$name.svg'
				set datafile separator tab
				set grid
				set key outside
				table = '$TABLE'
			END
			cat
		} | gnuplot
	fi
}
