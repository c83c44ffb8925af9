#!/bin/bash
# SPDX-License-Identifier: MIT -- run_scripts: a script that fails is reported in xenstore and by netbackctl, its own words first; the vif waits
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd --run-scripts yes
echo '#!/bin/sh' > "$tmp/script"
chmod +x "$tmp/script"

# failed N REASON: vif 3.N has failed for it
failed()
{
	vif_is 3 "$1"
	wait_for '[ "$(be hotplug-status)" = error ]'
	be hotplug-error | grep -q "$2" || fail "hotplug-error: $(be hotplug-error)"
	wait_for "ctl list | grep '^vif3.$1 .*$2'"
	ctl show "vif3.$1" | grep -q "^hotplug error .*$2" || fail "show: $(ctl show "vif3.$1")"
	expect_be state 2
}
printf '#!/bin/sh\nexit 7\n' > "$tmp/script"
vif_add 3 0 hotplug=none script="$tmp/script"
failed 0 'the script ended with status 7'

printf '#!/bin/sh\nxenstore-write $XENBUS_PATH/hotplug-error "no bridge" $XENBUS_PATH/hotplug-status error\nexit 1\n' > "$tmp/script"
vif_add 3 1 hotplug=none script="$tmp/script"
failed 1 'no bridge'

vif_add 3 2 hotplug=none script=/no/such/script
failed 2 'the script cannot be executed'

# The vif waits, and goes on when the administrator has put it right.
vif_is 3 0
start_shim g 3 --hold
shim g make-rings
shim g publish
shim g set-state 4
wait_for '[ "$(vif_field state)" = attached ]'
expect_be state 2
xenstore-write "$be/hotplug-status" connected
wait_be 4
[ -z "$(vif_field hotplug_error)" ] || fail "the reason outlives the trouble"
