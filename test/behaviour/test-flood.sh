#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest that writes its state without end is not watched for a while; others are served at once
. "$(dirname "$0")/functions.sh"
start_machine 3 4
start_netbackd
vif_add 3 0
floods=()
for _ in 1 2 3 4; do
	(export XENSTORED_PATH=$tmp/m/xenstored-3.sock
	 while xenstore-write device/vif/0/state 1 device/vif/0/state 1 device/vif/0/state 1; do :; done) &
	floods+=($!)
	cleanup_fn kill $!
done
wait_for 'log_has "vif3.0: the guest writes its state too often"'
before=$SECONDS
vif_add 4 0
start_shim h 4
[ $((SECONDS - before)) -le 3 ] || fail "the neighbour waited $((SECONDS - before)) s"
kill "${floods[@]}"
sleep 1.1
start_shim g 3
wait_be 4
