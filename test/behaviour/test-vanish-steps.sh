#!/bin/bash
# SPDX-License-Identifier: MIT -- the directory vanishes, or is another one of the same name, in each of our states: nothing is left and nothing written again
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
clean() { ! has_tap vif3.0 && ! ctl list | grep -q vif3.0 && ! ls "$run"/vif3.0.* > /dev/null 2>&1; }

# Each brings vif 3.0 to a state of ours; the guest's driver is a new one each time.
to_new() { vif_add 3 0 wait=no; }
to_waiting() { vif_add 3 0; }
to_attached()
{
	vif_add 3 0 hotplug=none
	start_shim "$1" 3 --hold
	shim "$1" make-rings
	shim "$1" publish
	shim "$1" set-state 4
	wait_for '[ "$(vif_field state)" = attached ]'
}
to_connected() { vif_add 3 0; start_shim "$1" 3; wait_be 4; }
to_reconfigured() { to_connected "$1"; shim "$1" set-state 7; wait_be 8; }
to_closing() { to_connected "$1"; shim "$1" set-state 5; wait_be 5; }
to_closed() { to_connected "$1"; shim "$1" disconnect; wait_be 6; }
to_failed() { to_connected "$1"; shim "$1" set-state 2; wait_be 5; be error > /dev/null || fail "no error"; }
to_grace() { to_connected "$1"; xenstore-write "$be/online" 0 "$be/state" 5; wait_for '[ "$(vif_field online)" = false ]'; }

for state in new waiting attached connected reconfigured closing closed failed grace; do
	to_$state "a$state"
	xenstore-rm "$be"
	wait_for clean
	xenstore-exists "$be" && fail "$state: the directory was written into again: $(xenstore-ls "$be")"
	xenstore-exists "/local/domain/0/error/backend/vif/3/0" && fail "$state: its error node is left"

	# The same id: one transaction removes the old directories and makes new ones.
	to_$state "b$state"
	vif_add 3 0 mac=00:16:3e:11:22:33
	start_shim "c$state" 3
	wait_be 4
	expect_be mac 00:16:3e:11:22:33
	be error && fail "$state: an old error in a new directory"
	shim "c$state" disconnect
	vif_remove 3 0
	wait_for clean
done
wait_for "! ls $run/engine-* > /dev/null 2>&1"
[ "$(find "/proc/$netbackd_pid/fd" -lname /dev/net/tun | wc -l)" = 0 ] || fail "taps stay open"
