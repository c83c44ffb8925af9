#!/bin/bash
# SPDX-License-Identifier: MIT -- known content goes both ways between dom0 and a guest by TCP, and from guest to guest
. "$(dirname "$0")/data.sh"
start_network 1 2
start_guest 1
start_guest 2

for path in "0 1" "1 0" "1 2"; do
	for host in "10.0.0.1${path#* }" "fd00::1${path#* }"; do
		stream "${path% *}" "${path#* }" "$host" 2000000
		stream_arrived
	done
done
expect_no_drops
stop_guest 1
stop_guest 2
