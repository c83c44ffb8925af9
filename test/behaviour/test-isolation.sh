#!/bin/bash
# SPDX-License-Identifier: MIT -- how many engines: one a vif, one a domain, one in all; none without vifs
. "$(dirname "$0")/functions.sh"
start_machine 3 4
vif_add 3 0 wait=no
vif_add 3 1 wait=no
vif_add 4 0 wait=no
for n in "3 0" "3 1" "4 0"; do
	vif_is "${n% *}" "${n#* }"
	xenstore-write "$be/hotplug-status" connected
done
engines() { ctl list --json | grep -o '"engine":"[^"]*"' | cut -d'"' -f4 | tr '\n' ' '; }

# expect HOW KEYS FILES
expect()
{
	start_netbackd --isolation "$1"
	wait_for "[ \"\$(engines)\" = '$2 ' ]"
	wait_for '[ "$(ctl list | grep -c "4 Connected *4 Connected")" = 3 ]'
	[ "$(cd "$run" && echo engine-*.stats)" = "$3" ] || fail "$1: $(ls "$run")"
	[ "$(ctl stats vif4.0 --json | grep -o '"engine":"[^"]*"')" = "\"engine\":\"${2##* }\"" ] ||
		fail "$1: stats of one vif show other engines"
	stop_netbackd
}
start_netbackd
start_shim g 3
start_shim h 3 --vif 1
start_shim i 4
stop_netbackd
expect vif "v3.0 v3.1 v4.0" "engine-v3.0.stats engine-v3.1.stats engine-v4.0.stats"
expect domain "d3 d3 d4" "engine-d3.stats engine-d4.stats"
expect host "host host host" engine-host.stats
start_netbackd
for n in g h i; do shim $n disconnect; done
wait_for "! ls $run/engine-* > /dev/null 2>&1"
