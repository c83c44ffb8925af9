#!/bin/bash
# SPDX-License-Identifier: MIT -- 2 -> 4: a guest connects; list, show and stats tell of it
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd --max-queues 4
vif_add 3 0
start_shim g 3 --queues 2
wait_be 4
[ "$(be hotplug-status)" = connected ] || fail "hotplug-status was touched"
wait_for '[ "$(vif_field carrier)" = true ]'
ip link set vif3.0 up
wait_for 'has_carrier vif3.0'

ctl list | grep -q '^vif3.0 *4 Connected *4 Connected *2 on *d3 *[1-9]' || fail "list: $(ctl list)"
ctl show vif3.0 > "$tmp/show.log"
grep -q '^takes .*rx_sg rx_gso_tcpv4 rx_gso_tcpv6 rx_csum_ipv4 rx_csum_ipv6' "$tmp/show.log" || fail "features"
[ "$(grep -c '^ *[01]  [tr]x ' "$tmp/show.log")" = 4 ] || fail "rings"
[ "$(vif_field connects)" = 1 ] || fail "connects"
ctl stats vif3.0 | grep -q '^  rx_packets  ' || fail "stats"
ctl stats --json | grep -q '"vifs":\[{"vif":"vif3.0","queues":\[{"tx_packets":' || fail "stats --json"
