#!/bin/sh
# SPDX-License-Identifier: MIT -- what is made from the schemas is up to date, and nobody spells a key by hand
set -eu
cd "$(dirname "$0")/../.."

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

schema() {
	awk -v out="$1" -f xenstore-schemas/schema.awk xenstore-schemas/vif-domain.keys \
		xenstore-schemas/vif-backend.keys xenstore-schemas/vif-frontend.keys \
		xenstore-schemas/vif-queue.keys
}

schema man > "$tmp/man"
if ! cmp "$tmp/man" docs/netback-xenstore.7; then
	echo "docs/netback-xenstore.7 is older than the schemas: run 'make man' and commit it" >&2
	exit 1
fi

# A short name such as "state" is a word of JSON and of netbackd.conf too: it counts as a key only behind a '/'.
# A directory of the store is spelled by keyval_*_path() alone. An option of netbackd may be called as a key.
schema table | cut -f 3 | grep -v '[*$]' | sort -u > "$tmp/names"
{
	sed 's|.*|"[^"]*/&"|' "$tmp/names"
	grep -e - "$tmp/names" | sed 's|.*|"&"|'
	printf '%s\n' '"[^"]*/local/domain/' '"[^"]*device/vif' '"[^"]*backend/vif' '"[^"]*queue-%'
} > "$tmp/patterns"
[ "$(wc -l < "$tmp/names")" -ge 50 ] || { echo "the table of keys is too short to be true" >&2; exit 1; }

# The patterns find what they are for, or this test would pass for ever.
printf 'xs_read(xs, 0, "feature-sg");\nsprintf(p, "%%s/state", d);\n' > "$tmp/wrong.c"
[ "$(grep -c -f "$tmp/patterns" "$tmp/wrong.c")" -eq 2 ]

if grep -rn --include='*.[ch]' -f "$tmp/patterns" netback netfront-shim | grep -v ':[[:blank:]]*/\?\*\|_argument, NULL,'; then
	echo "the lines above spell a key or path of the schema: use xsk_name() and keyval_*_path()" >&2
	exit 1
fi
