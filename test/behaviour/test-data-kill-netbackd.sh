#!/bin/bash
# SPDX-License-Identifier: MIT -- netbackd is killed, then stopped, in the middle of a transfer; the next one adopts the guests and it goes on
. "$(dirname "$0")/data.sh"
start_network 1 2
start_guest 1
start_guest 2
stream 1 2 10.0.0.12

for signal in KILL TERM; do
	sleep 0.3
	stop_netbackd $signal
	start_netbackd
	wait_for "log_has vif1.0: adopted && log_has vif2.0: adopted"
	packets=$(counter tx_packets)
	wait_for "[ \$(counter tx_packets) -gt $packets ]"
done
stream_arrived
stop_guest 1
stop_guest 2
