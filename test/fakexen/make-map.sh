#!/bin/sh
# SPDX-License-Identifier: MIT
# make-map.sh TRUE_LIBRARY OBJECT...: a linker version script that gives each
# symbol of the objects the version node it has in the true library. Symbols the
# true library does not have stay local.
set -e
lib=$1
shift
names=$(mktemp)
trap 'rm -f "$names"' EXIT
nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u > "$names"
nm -D --defined-only "$lib" | awk -v names="$names" '
	BEGIN { while ((getline n < names) > 0) ours[n] = 1 }
	{ split($3, s, "@+"); if (s[2] == "") next }
	$2 == "A" { nodes[s[1]] }
	s[1] in ours { body[s[2]] = body[s[2]] "\t" s[1] ";\n"; nodes[s[2]] }
	END {
		for (n in nodes)
			if (body[n] != "")
				printf "%s {\nglobal:\n%s};\n", n, body[n]
		print "FAKEXEN_LOCAL {\nlocal:\n\t*;\n};"
	}'
