#!/bin/bash
# SPDX-License-Identifier: MIT -- run_scripts: Xen's own vif-bridge, as it is installed, puts the interface on its bridge
. "$(dirname "$0")/functions.sh"
script=/etc/xen/scripts/vif-bridge
[ -x $script ] || skip "needs Xen's hotplug scripts"
start_machine 3
[ -w /run ] || skip "needs a writable /run for the script's locks"
ip link add xenbr0 type bridge forward_delay 0 || skip "needs bridges"
ip link set xenbr0 mtu 1400 up
start_netbackd --run-scripts yes
vif_add 3 0 hotplug=none script=$script bridge=xenbr0
wait_for '[ "$(be hotplug-status)" = connected ] || [ "$(be hotplug-status)" = error ]'
expect_be hotplug-status connected
ip link show vif3.0 | grep -q 'mtu 1400 .*master xenbr0' || fail "$(ip link show vif3.0)"
start_shim g 3
wait_be 4

# A bridge that is not there.
vif_add 3 1 hotplug=none script=$script bridge=nobr0
vif_is 3 1
wait_for '[ "$(be hotplug-status)" = error ]'
wait_for 'ctl list | grep "^vif3.1 .*nobr0"'
expect_be state 2
