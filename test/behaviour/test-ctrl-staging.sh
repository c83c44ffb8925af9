#!/bin/bash
# SPDX-License-Identifier: MIT -- staged pages are served by memcpy both ways, others by grant copies, and are given back
. "$(dirname "$0")/data.sh"
start_network 1 2 -- --max-queues 2
start_guest 1 --queues 2 --staging all
start_guest 2 --staging 16
stream 1 2 10.0.0.12 100000; stream_arrived
stream 2 1 10.0.0.11 100000; stream_arrived
copied=$(counter copy_segments)
expect_counted copy_staged
[ "$copied" -lt "$(($(counter copy_staged) / 20))" ] || fail "grant copies though all is staged: $copied"
expect_counted copy_staged vif2.0
expect_counted copy_segments vif2.0
expect_no_drops
stop_guest 1 # a page still in use would be a fault of the backend's
stop_guest 2
jq -e '.setup | .staged == 1024 and .unstaged == 1024 and .ctrl_refused == 0' "$tmp/guest1.out" > /dev/null ||
	fail "guest 1: $(jq -c .setup "$tmp/guest1.out")"
