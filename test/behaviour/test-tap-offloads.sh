#!/bin/bash
# SPDX-License-Identifier: MIT -- the tap hands over what this guest takes and no more: checksums, segments, one queue a ring pair
. "$(dirname "$0")/functions.sh"
requires ethtool
start_machine 3
start_netbackd --max-queues 4
vif_add 3 0
offloads() { ethtool -k vif3.0 | sed -n 's/^\ttx-checksum-ip-generic: \([a-z]*\).*/csum \1/p; s/^\ttx-tcp-segmentation: \([a-z]*\).*/tso4 \1/p; s/^\ttx-tcp6-segmentation: \([a-z]*\).*/tso6 \1/p' | tr '\n' ' '; }

queues() { find "/proc/$netbackd_pid/fd" -lname /dev/net/tun | wc -l; }

# expect OFFLOADS QUEUES SHIM-OPTIONS...
n=0
expect()
{
	local offloads=$1 queues=$2
	shift 2
	start_shim "g$((++n))" 3 "$@"
	wait_be 4
	[ "$(offloads)" = "$offloads " ] || fail "$*: $(offloads)"
	[ "$(queues)" = "$queues" ] || fail "$*: not $queues queues open"
	shim "g$n" disconnect
	wait_be 6
	[ "$(queues)" = 1 ] || fail "$*: queues stay open"
}
expect 'csum on tso4 on tso6 on' 1
expect 'csum on tso4 on tso6 on' 3 --queues 3
expect 'csum on tso4 off tso6 off' 1 --no-sg
expect 'csum on tso4 off tso6 on' 1 --no-gso4
expect 'csum on tso4 on tso6 off' 1 --no-gso6
expect 'csum on tso4 on tso6 off' 1 --no-csum6
expect 'csum on tso4 off tso6 on' 1 --no-csum4
expect 'csum off tso4 off tso6 off' 1 --no-csum4 --no-csum6
