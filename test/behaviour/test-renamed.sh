#!/bin/bash
# SPDX-License-Identifier: MIT -- the hotplug script renames the interface (vifname=): queues, restart and removal follow it
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0 vifname=blue
ip link set vif3.0 name blue
start_shim g 3 --queues 2
wait_be 4
[ "$(vif_field interface)" = blue ] || fail "interface: $(vif_field interface)"
has_tap vif3.0 && fail "a second interface was made"
stop_netbackd
start_netbackd
wait_for '[ "$(vif_field state)" = connected ]'
[ "$(vif_field interface)" = blue ] || fail "interface after a restart: $(vif_field interface)"

# By a name that no key tells of.
stop_netbackd
ip link set blue name red
start_netbackd
wait_for '[ "$(vif_field state)" = connected ]'
[ "$(vif_field interface)" = red ] || fail "interface after another name: $(vif_field interface)"

vif_remove 3 0 &
wait_be 5
shim_try g disconnect # the toolstack may have removed the directory meanwhile
wait_gone red
has_tap vif3.0 && fail "vif3.0 is left"

# Renamed, and closed when netbackd starts: there is nothing to connect, and it goes all the same.
vif_add 3 2
start_shim h 3 --vif 2
wait_for 'ctl list | grep -q "^vif3.2 *4 "'
ip link set vif3.2 name black
shim h set-state 6
vif_is 3 2
wait_be 6
stop_netbackd
start_netbackd
vif_remove 3 2
wait_gone black

# Gone while no netbackd ran: it is swept up under any name.
vif_add 3 1
stop_netbackd
ip link set vif3.1 name green
xenstore-rm /local/domain/0/backend/vif/3
start_netbackd
wait_gone green
[ -z "$(find "$run" -name 'vif*')" ] || fail "files are left: $(ls "$run")"
