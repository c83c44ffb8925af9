#!/bin/bash
# SPDX-License-Identifier: MIT -- the manual has every option of netback-hintd, and every key that it takes from netbackd.conf
. "$(dirname "$0")/functions.sh"
tmp=$(mktemp -d)
trap clean_up EXIT
"$BUILD/netback-hintd" --help > "$tmp/help" || fail "--help"
for option in $(sed -n 's/^  --\([a-z-]*\).*/\1/p' "$tmp/help") version; do
	grep -q "Fl Fl $option" docs/netback-hintd.8 || fail "--$option is not in netback-hintd(8)"
	"$BUILD/netback-hintd" "--$option" 2>&1 | grep -q 'unrecognized' && fail "there is no --$option"
done
mapfile -t keys < <(sed -n 's/^\t{"\(hint_[a-z_]*\)".*/\1/p' netback/hint/config.c)
[ ${#keys[@]} -ge 10 ] || fail "where are the keys?"
for key in "${keys[@]}"; do
	grep -q "Cm.* $key\b" docs/netbackd.conf.5 || fail "$key is not in netbackd.conf(5)"
	option=${key#hint_}
	grep -q -- "--${option//_/-} " "$tmp/help" || fail "$key is no option"
done
"$BUILD/netback-hintd" --nonsense > "$tmp/wrong" 2>&1 && fail "--nonsense was taken"
grep -q 'try netback-hintd --help' "$tmp/wrong" || fail "no hint: $(cat "$tmp/wrong")"
"$BUILD/netback-hintd" --mode on > "$tmp/wrong" 2>&1 && fail "--mode on was taken"
grep -q 'option --mode: "on" is none of' "$tmp/wrong" || fail "$(cat "$tmp/wrong")"
