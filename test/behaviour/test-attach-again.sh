#!/bin/bash
# SPDX-License-Identifier: MIT -- the same id again, quicker than we let go of the old one (Qubes issue 3163)
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3
for n in 1 2 3; do
	vif_add 3 0 "mac=00:16:3e:00:00:0$n"
	expect_be state 2
	expect_be mac "00:16:3e:00:00:0$n"
	has_tap vif3.0 || fail "$n: no tap"
	start_shim "h$n" 3
	wait_be 4
done
[ "$(ctl list | grep -c vif3.0)" = 1 ] || fail "$(ctl list)"
