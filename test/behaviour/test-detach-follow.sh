#!/bin/bash
# SPDX-License-Identifier: MIT -- xl network-detach of a guest that closes when it is told: its rings go before 6, nothing stays
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0
start_shim g 3
vif_remove 3 0 &
remover=$!
wait_be 5
shim g disconnect
wait $remover || fail "vif-remove"
wait_gone vif3.0
fakexen grants 3 | grep -i 'map' && fail "a grant is still mapped"
[ "$(grep -c 'owes an answer\|killed by' "$tmp/netbackd.log")" = 0 ] || fail "not a clean detach"
