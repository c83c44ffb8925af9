#!/bin/bash
# SPDX-License-Identifier: MIT -- Mini-OS, Unikraft and OpenBSD are Connected before the backend is there: they are served as they are
. "$(dirname "$0")/functions.sh"
start_machine 3
for profile in minios unikraft openbsd; do
	"$BUILD/fakexen/fakexen" vif-add "$tmp/m" 3 0 mac=00:16:3e:aa:bb:cc ip=10.0.0.3 > "$tmp/vif-add.log" 2>&1 &
	attach=$!
	wait_for "[ \"\$(be state)\" = 1 ]"
	start_shim $profile 3 --hold --profile $profile
	echo connect >&"$(eval echo "\$shim_fd_$profile")"
	wait_for "[ \"\$(fe state)\" = 4 ]"
	expect_be state 1
	start_netbackd
	wait $attach || fail "vif-add: $(cat "$tmp/vif-add.log")"
	wait_be 4
	shim $profile stats
	grep -q '"connects":1,.*"fault_total":0' "$tmp/$profile.out" || fail "$(cat "$tmp/$profile.out")"
	shim $profile disconnect
	vif_remove 3 0
	stop_netbackd
done
grep -q '"ip":"10.0.0.3"' "$tmp/minios.out" "$tmp/unikraft.out" || fail "be/ip was not read"
