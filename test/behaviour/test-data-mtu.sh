#!/bin/bash
# SPDX-License-Identifier: MIT -- the key mtu holds both ways and for segments; a guest without scatter/gather is held to a page
. "$(dirname "$0")/frontends.sh"
start_frontends linux
be1=/local/domain/0/backend/vif/1/0
for i in br0 vif1.0 vif2.0; do ip link set $i mtu 9000; done

options=(-v -v)

# expect GOOD FROM SIZE...: of 20 frames from guest FROM to the other one, each in a life of its driver
expect()
{
	local from=$2 to=$((3 - $2))
	in_guest sink $to "${options[to - 1]}" sink
	run_shim sender "$from" generate --dst-mac "${mac[to]}" --count 20 --rate 500 --delay 100 --size "${@:3}" ||
		fail "$*: status $?"
	if [ "$1" = 0 ]; then sleep 0.3; else wait_for "kill -USR1 ${in_guest_pid[sink]}; [ \"\$(report sink .received.good)\" = $1 ]"; fi
	end_in_guest sink
	[ "$(report sink .received.good)" = "$1" ] || fail "$*: $(cat "$tmp/sink.out")"
}
passes() { expect 20 "$@"; }
stops() { expect 0 "$@"; }

passes 1 9014
passes 2 9014
xenstore-write $be1/mtu 1000
passes 1 1014
passes 2 1014
stops 1 1015
stops 2 1015
expect_counted tx_over_mtu
expect_counted rx_over_mtu
passes 1 8000 --gso 900
xenstore-write $be1/mtu 9000
passes 2 9014

options=(--no-sg -v)
passes 2 4092
stops 2 4200
