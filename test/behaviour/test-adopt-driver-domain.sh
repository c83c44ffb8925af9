#!/bin/bash
# SPDX-License-Identifier: MIT -- a netbackd that is killed in a driver domain: the next one takes the guest over, though it may not ask for domains
. "$(dirname "$0")/functions.sh"
start_machine 3
fakexen domain 1 net driver
in_driver_domain() { FAKEXEN_DOMID=1 XENSTORED_PATH=$tmp/m/xenstored-1.sock "$@"; }
be=/local/domain/1/backend/vif/3/0
in_driver_domain start_netbackd
vif_add 3 0 backend=1 wait=no
wait_be 2
xenstore-write "$be/hotplug-status" connected
start_shim g 3
wait_be 4
xenstore-watch "$be/state" > "$tmp/writes" &
cleanup_fn kill $!
wait_for '[ -s $tmp/writes ]'
for signal in KILL TERM; do
	stop_netbackd $signal
	in_driver_domain start_netbackd
	wait_for '[ "$(vif_field state)" = connected ]'
done
[ "$(wc -l < "$tmp/writes")" = 1 ] || fail "the state was written"
