#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest that is slow to act though it has its share is helped by the pool's rate limit, if that is allowed
. "$(dirname "$0")/hint.sh"
requires jq
start_host 1 2
fakexen sched domain 1 cpu_rate=100 blocked=800 waiting=100
fakexen sched domain 2 cpu_rate=880 blocked=0 waiting=120
figures 1 rx_packets=500 tx_packets=500 rx_bytes=50000 rx_small=500 tx_small=500 rx_large=0 rx_starved_ns=0 drop_rx_expired=0 kick_us=12000
ratelimit() { fakexen sched pool 0 | sed -n 's/^credit2_ratelimit_us=//p'; }
start_hintd --mode apply --default both
wait_for '[ "$(hint class 1)" = latency ] && [ "$(hint reason 1)" = not-limited ]'
sleep 1
[ "$(ratelimit)" = 1000 ] || fail "the rate limit is $(ratelimit) without pool tuning"
stop_hintd
start_hintd --mode apply --default both --pool-tuning yes
wait_for '[ "$(ratelimit)" = 100 ]'
[ "$(weight 1)" = 256 ] || fail "a weight was moved"
stop_hintd KILL
start_hintd --mode observe
[ "$(ratelimit)" = 1000 ] || fail "the rate limit was left at $(ratelimit)"
