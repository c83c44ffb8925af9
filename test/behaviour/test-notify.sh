#!/bin/bash
# SPDX-License-Identifier: MIT -- the service manager hears READY=1 and STOPPING=1
. "$(dirname "$0")/functions.sh"
requires python3
start_machine
python3 - "$tmp/notify" > "$tmp/heard" << 'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
for n in range(2):
    print(s.recv(100).decode(), flush=True)
END
listener=$!
wait_for "[ -S $tmp/notify ]"
export NOTIFY_SOCKET=$tmp/notify
start_netbackd
stop_netbackd
wait $listener
printf 'READY=1\nSTOPPING=1\n' | diff - "$tmp/heard" || fail "heard: $(cat "$tmp/heard")"
