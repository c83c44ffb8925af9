#!/bin/bash
# SPDX-License-Identifier: MIT -- a log that nobody reads any more does not end netback-hintd with weights raised
. "$(dirname "$0")/hint.sh"
start_host 1 2 3
mkfifo "$tmp/log"
cat "$tmp/log" > "$tmp/hintd.log" &
reader=$!
# whoever runs this test may ignore SIGPIPE himself
env --default-signal=PIPE "$BUILD/netback-hintd" --config /dev/null --run-dir "$run" --interval 100 --mode apply --default both 2> "$tmp/log" &
hintd_pid=$!
cleanup_fn kill "$hintd_pid"
wait_for '[ "$(weight 1)" -gt 270 ]'
kill "$reader"
stop_hintd
for i in 1 2 3; do [ "$(weight $i)" = 256 ] || fail "domain $i was left with $(weight $i)"; done
