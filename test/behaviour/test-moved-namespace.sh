#!/bin/bash
# SPDX-License-Identifier: MIT -- an interface in another network namespace: one queue is served there, more never join one of the same name here
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
unshare -n sleep 100 &
elsewhere=$!
cleanup_fn kill "$elsewhere"
wait_for "[ \"\$(readlink /proc/$elsewhere/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
ip link set vif3.0 netns "$elsewhere" || fail "cannot be moved"
ip tuntap add dev vif3.0 mode tap multi_queue vnet_hdr || fail "no other interface"

start_shim g 3 --queues 2 --hold
shim g make-rings
shim g publish
shim g set-state 4
wait_be 5
[[ "$(be error)" = *"No such device"* ]] || fail "error: $(be error)"
shim g set-state 6
wait_be 6

start_shim h 3
wait_be 4
