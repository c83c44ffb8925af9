#!/bin/bash
# SPDX-License-Identifier: MIT -- a frame the guest has no place for is dropped and counted under its reason
. "$(dirname "$0")/data.sh"
start_network 3 4
vif_add 3 0 bridge=br0
for n in 3 4; do
	ip neigh replace "10.0.0.1$n" lladdr "00:16:3e:00:0$n:00" dev br0
done
at 0 ip link set vif3.0 mtu 9000
at 0 ip link set br0 mtu 9000
ping -q -i 0.01 -s 6000 -M 'do' 10.0.0.13 > "$tmp/ping.log" 2>&1 &
pinger=$!
cleanup_fn kill $pinger

# hostile WAY OPTION...: the frontend misbehaves in this way for 300 ms while it is pinged
hostile()
{
	as_guest 3 "$BUILD/netfront-shim" "${@:2}" hostile --wait 500 --duration 300 "$1" > "$tmp/$1.out" 2> "$tmp/$1.log" ||
		fail "$1: status $?"
	jq -e '.alive and .backend_after == 4' "$tmp/$1.out" > /dev/null || fail "$1: $(cat "$tmp/$1.out")"
}
hostile rx-gref-bad
expect_counted rx_copy_failed vif3.0
hostile rx-gref-readonly
# a frame that needs two waits
hostile rx-one-buffer --rx-buffers 20
expect_counted rx_full vif3.0
[ "$(counter rx_expired vif3.0)" = 0 ] || fail "frames were given up within 10 s"
# a frontend that never says that it posted buffers is not waited for
hostile rx-no-buffers --no-rx-notify --rx-buffers 20
expect_counted rx_expired vif3.0

# one page is all that a guest without scatter/gather takes
kill $pinger
start_guest 4 --no-sg
at 0 ip link set vif4.0 mtu 9000
at 0 ip link set br0 mtu 9000
ping -q -c 2 -i 0.2 -W 1 -s 3000 -M 'do' 10.0.0.14 > "$tmp/ping-3000.log" 2>&1
ping -q -c 2 -i 0.2 -W 1 -s 6000 -M 'do' 10.0.0.14 > "$tmp/ping-6000.log" 2>&1
[ "$(counter rx_over_mtu vif4.0)" = 2 ] || fail "rx_over_mtu: $(counter rx_over_mtu vif4.0)"
stop_guest 4
