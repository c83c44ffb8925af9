#!/bin/sh
# SPDX-License-Identifier: MIT
# nm-check.sh BUILD: are the fakes a faithful subset of the true libraries?
# 1. What a program of BUILD takes from a true libxen library, the fake one has,
#    with the same symbol version. 2. What a fake has, the true library has.
# 3. The sonames agree. Prints the differences; exits 1 if there are any.
build=${1:-${BUILD:-build}}
libdir=$(pkg-config --variable=libdir xencontrol) || { echo "needs libxen-dev"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

exports() { nm -D --defined-only "$1" | awk '$2 != "A" { sub("@@", "@", $3); print $3 }' | sort -u; }
soname() { readelf -d "$1" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p'; }

for fake in "$build"/fakexen/libxen*.so.*; do
	lib=$(basename "$fake")
	exports "$libdir/$lib" > "$tmp/$lib.true"
	exports "$fake" > "$tmp/$lib.fake"
	test -s "$tmp/$lib.true" -a -s "$tmp/$lib.fake" || echo "$lib: exports nothing"
	comm -13 "$tmp/$lib.true" "$tmp/$lib.fake" | sed "s/^/$lib: not in the true library: /"
	test "$(soname "$fake")" = "$(soname "$libdir/$lib")" || echo "$lib: other soname"
done > "$tmp/differences"

cat "$tmp"/*.true > "$tmp/true"
cat "$tmp"/*.fake | sort -u > "$tmp/fake"
for name in netbackd netback-engine netback-hintd netbackctl netfront-shim; do
	test -e "$build/$name" || continue
	nm -D --undefined-only "$build/$name" | awk '{ sub("@@", "@", $2); print $2 }' |
		grep -Fx -f "$tmp/true" | sort -u > "$tmp/needs"
	comm -23 "$tmp/needs" "$tmp/fake" | sed "s/^/$name: not faked: /" >> "$tmp/differences"
	echo "$name: $(wc -l < "$tmp/needs") symbols of libxen"
done
cat "$tmp/differences"
test ! -s "$tmp/differences"
