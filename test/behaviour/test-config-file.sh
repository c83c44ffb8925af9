#!/bin/bash
# SPDX-License-Identifier: MIT -- the shipped example is right, as it is and with every default spelled out; a wrong line is named; options win
. "$(dirname "$0")/functions.sh"
start_machine
sed 's/^#\([a-z_]* = \)/\1/; /^engine/d' tools/netbackd.conf > "$tmp/all.conf"
[ "$(grep -c '^[a-z]' "$tmp/all.conf")" = 11 ] || fail "the example does not show every key"
for file in tools/netbackd.conf "$tmp/all.conf"; do
	start_netbackd --config "$file"
	stop_netbackd
done

printf 'workers = 2\nisolation = "vif"\nrun_dir = "/nowhere/at/all"\n' > "$tmp/some.conf"
start_netbackd --isolation host --config "$tmp/some.conf"
log_has 'an engine a host' || fail "the option does not win"
stop_netbackd

# wrong TEXT OPTIONS...
wrong()
{
	local text=$1
	shift
	timeout 10 "$BUILD/netbackd" --run-dir "$run" "$@" > "$tmp/wrong.log" 2>&1 && fail "$*: started"
	grep -q -- "$text" "$tmp/wrong.log" || fail "$*: does not say \"$text\""
}
echo 'isolation = none' >> "$tmp/some.conf"
wrong "$tmp/some.conf:4: isolation: \"none\" is none of" --config "$tmp/some.conf"
wrong "$tmp/no.conf: No such file" --config "$tmp/no.conf"
wrong 'option --workers: "x" is not a number' --workers x
wrong 'takes options only' start
wrong '/no/engine: cannot be executed' --engine /no/engine
