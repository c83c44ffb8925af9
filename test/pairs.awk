# SPDX-License-Identifier: MIT -- rows that hold every pair of values of any two parameters at least once
#
# Input: a parameter a line, "NAME VALUE VALUE...". Output: a row a line, "NAME=VALUE NAME=VALUE...".
# Greedy: a row begins with a pair that is missing and takes, for each other parameter, the value with the most missing
# pairs with what the row has already. The same input gives the same rows.

{
	name[++nr] = $1
	for (count[nr] = 0; count[nr] < NF - 1; count[nr]++)
		value[nr, count[nr] + 1] = $(count[nr] + 2)
}

# The pair of parameter a's value va and b's vb, a < b.
function pair(a, va, b, vb) { return a < b ? a SUBSEP va SUBSEP b SUBSEP vb : b SUBSEP vb SUBSEP a SUBSEP va }

function gain(p, v,    i, sum) {
	for (i = 1; i <= nr; i++)
		if (row[i] && (pair(p, v, i, row[i]) in missing))
			sum++
	return sum + 0
}

function choose(p,    v, best, most, g) {
	best = (rows + p) % count[p] + 1 # among equals, not always the same
	most = gain(p, best)
	for (v = 1; v <= count[p]; v++) {
		g = gain(p, v)
		if (g > most) {
			most = g
			best = v
		}
	}
	return best
}

# The first missing pair, in the order of the parameters.
function first(    a, va, b, vb) {
	for (a = 1; a < nr; a++)
		for (va = 1; va <= count[a]; va++)
			for (b = a + 1; b <= nr; b++)
				for (vb = 1; vb <= count[b]; vb++)
					if (pair(a, va, b, vb) in missing) {
						row[a] = va
						row[b] = vb
						return 1
					}
	return 0
}

END {
	for (a = 1; a < nr; a++)
		for (va = 1; va <= count[a]; va++)
			for (b = a + 1; b <= nr; b++)
				for (vb = 1; vb <= count[b]; vb++)
					missing[pair(a, va, b, vb)]
	for (rows = 0; ; rows++) {
		delete row
		if (!first())
			break
		for (p = 1; p <= nr; p++)
			if (!row[p])
				row[p] = choose(p)
		line = ""
		for (p = 1; p <= nr; p++) {
			line = line (p > 1 ? " " : "") name[p] "=" value[p, row[p]]
			for (q = p + 1; q <= nr; q++)
				delete missing[pair(p, row[p], q, row[q])]
		}
		print line
	}
}
