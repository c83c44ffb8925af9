#!/bin/bash
# SPDX-License-Identifier: MIT -- the rings run early, but 4 waits for the hotplug script; the key is never deleted
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0 hotplug=none
start_shim g 3 --hold
shim g make-rings
shim g publish
shim g set-state 4
wait_for '[ "$(vif_field state)" = attached ]'
expect_be state 2
[ "$(be hotplug-status)" = "" ] || fail "hotplug-status: $(be hotplug-status)"

xenstore-write "$be/hotplug-error" "no such bridge" "$be/hotplug-status" error
wait_for 'log_has "the hotplug script failed: no such bridge"'
expect_be state 2
ctl list | grep -q '^vif3.0 .*no such bridge' || fail "list: $(ctl list)"
ctl show vif3.0 | grep -q '^hotplug status *error' || fail "show: $(ctl show vif3.0)"
ctl show vif3.0 | grep -q '^hotplug error *no such bridge' || fail "show: $(ctl show vif3.0)"

xenstore-write "$be/hotplug-status" connected
wait_be 4
[ -z "$(vif_field hotplug_error)" ] || fail "the reason outlives the trouble"
shim g reconnect
wait_be 4
expect_be hotplug-status connected
