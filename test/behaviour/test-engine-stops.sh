#!/bin/bash
# SPDX-License-Identifier: MIT -- an engine without vifs ends within seconds, one with vifs ends when netbackd is killed; none is left
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3
wait_be 4
pid=$(vif_field engine_pid)
[ "$(cat "/proc/$pid/comm")" = netback-engine ] || fail "the engine is called $(cat "/proc/$pid/comm")"
tr '\0' ' ' < "/proc/$pid/cmdline" | grep -q -- '--key d3' || fail "its command line does not say whose it is"
shim g disconnect
wait_be 6
wait_for "! kill -0 $pid 2> /dev/null"
grep -q 'does not end' "$tmp/netbackd.log" && fail "it had to be killed"
shim g connect
wait_be 4
pid=$(vif_field engine_pid)
stop_netbackd KILL
wait_for "! kill -0 $pid 2> /dev/null"
