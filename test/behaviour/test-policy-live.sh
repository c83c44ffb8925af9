#!/bin/bash
# SPDX-License-Identifier: MIT -- rates, MTU and checksums: keys over settings, followed while the guest is connected; a bad value counts as none
. "$(dirname "$0")/functions.sh"
requires ethtool jq
start_machine 3
start_netbackd --rate-rx 10Mb/s@20ms --complete-checksums yes
vif_add 3 0 rate=62500,50000 mtu=9000
start_shim g 3
wait_be 4

policy() { ctl show vif3.0 --json | jq -c "[.policy.rate_tx, .policy.rate_rx, .policy.mtu, .policy.complete_checksums, .policy.enforced]"; }
expect() { wait_for "[ '$*' = \"\$(policy)\" ]"; }
offloads() { ethtool -k vif3.0 | sed -n 's/^tx-checksumming: //p; s/^tcp-segmentation-offload: //p' | tr '\n' ' '; }

expect '[{"bytes":62500,"usec":50000},{"bytes":25000,"usec":20000},9000,true,true]'
[ "$(offloads)" = "off off " ] || fail "the kernel leaves checksums blank: $(offloads)"

xenstore-write "$be/rate" 1000000,50000 "$be/rate-rx" 500000,50000 "$be/complete-checksums" 0
xenstore-rm "$be/mtu"
expect '[{"bytes":1000000,"usec":50000},{"bytes":500000,"usec":50000},null,false,true]'
wait_for '[ "$(offloads)" = "on on " ]'

xenstore-write "$be/rate" 10Mb/s "$be/rate-rx" 0,0 "$be/complete-checksums" yes "$be/mtu" 20
expect '[null,{"bytes":25000,"usec":20000},null,true,true]'
[ "$(grep -c ': ignored' "$tmp/netbackd.log")" -ge 4 ] || fail "bad values are not in the log"
[ "$(offloads)" = "off off " ] || fail "offloads: $(offloads)"
expect_be state 4
[ "$(vif_field connects)" = 1 ] || fail "a policy made a new connection"
