#!/bin/bash
# SPDX-License-Identifier: MIT -- 1 -> 2: the tap is there before the state, and the offer is exactly what we do
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd --max-queues 4
vif_add 3 0 wait=no
wait_be 2
has_tap vif3.0 || fail "state 2 without a tap"
ip link show vif3.0 | grep -q 'link/ether fe:ff:ff:ff:ff:ff' || fail "MAC"
ip -d link show vif3.0 | grep -q 'tun type tap .*multi_queue.*persist on' || fail "not a persistent multi-queue tap"
ip link set vif3.0 up
has_carrier vif3.0 && fail "carrier without a guest"

cat > "$tmp/offer" << END
feature-ctrl-ring = "1"
feature-dynamic-multicast-control = "1"
feature-gso-tcpv4 = "1"
feature-gso-tcpv6 = "1"
feature-ipv6-csum-offload = "1"
feature-multicast-control = "1"
feature-rx-copy = "1"
feature-rx-flip = "0"
feature-sg = "1"
feature-split-event-channels = "1"
feature-xdp-headroom = "1"
multi-queue-max-queues = "4"
END
xenstore-ls "$be" | grep 'feature-\|queue' | sort | diff "$tmp/offer" - || fail "offer"
[ -s "$run/vif3.0.stats" ] || fail "no statistics"
[ -s "$run/vif3.0.journal" ] || fail "no journal"
[ "$(stat -c %a "$run/vif3.0.stats" "$run/vif3.0.journal" | sort -u)" = 640 ] || fail "mode of the files"
