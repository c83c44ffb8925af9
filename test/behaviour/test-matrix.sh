#!/bin/sh
# SPDX-License-Identifier: MIT -- each row of the matrix has tests, which are there; and tools/matrix would say so if not
set -eu
cd "$(dirname "$0")/../.."
tools/matrix check

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/tools" "$tmp/docs" "$tmp/test/behaviour" "$tmp/test/unit"
cp tools/matrix "$tmp/tools/matrix"
cd "$tmp"
touch test/behaviour/test-there.sh
echo 'START_TEST(this)' > test/unit/test-file.c

# verdict TESTS: of a table with this one row
verdict() {
	printf '= Heading\nrow | yes | %s\n' "$1" > test/matrix.rows
	tools/matrix page > docs/MATRIX.md
	tools/matrix check > out
}
verdict 'there unit:file.this' || { cat out; exit 1; }
for wrong in '' 'gone' 'there gone' 'unit:file.that' 'unit:gone.this' 'fuzz:gone' 'xen:gone'; do
	verdict "$wrong" && { echo "\"$wrong\" passes"; exit 1; }
	grep -q 'no test\|no such test' out
done
verdict there
echo 'another | yes | there' >> test/matrix.rows
tools/matrix check > out && { echo "an old page passes"; exit 1; }
grep -q 'older than' out
