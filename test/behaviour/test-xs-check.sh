#!/bin/sh
# SPDX-License-Identifier: MIT -- xs-check is silent about a good store and names each thing wrong with a bad one
set -eu
cd "$(dirname "$0")/../.."

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
be=/local/domain/0/backend/vif/5/0
fe=/local/domain/5/device/vif/0

put() {
	printf '%s = "%s"\n' "$1" "$2" >> "$tmp/good"
}
put $be/frontend $fe
put $be/frontend-id 5
put $be/handle 0
put $be/mac 00:16:3e:00:00:01
put $be/rate 18446744073709551615,50000
put $be/multi-queue-max-queues 2
put $fe/backend $be
put $fe/backend-id 0
put $fe/mac 00:16:3e:00:00:01
put $fe/state 4
put $fe/multi-queue-num-queues 2
put $fe/queue-0 ''
for queue in queue-0 queue-1; do
	put $fe/$queue/tx-ring-ref 9
	put $fe/$queue/rx-ring-ref 10
	put $fe/$queue/event-channel 11
done
tools/xs-check -f "$tmp/good"

# wrong SED-COMMAND TEXT: the store so changed is complained about, with this text.
wrong() {
	sed "$1" "$tmp/good" > "$tmp/bad"
	if tools/xs-check -f "$tmp/bad" > "$tmp/out"; then
		echo "nothing said about $1" >&2
		exit 1
	fi
	grep -q -e "$2" "$tmp/out" || { cat "$tmp/out"; echo "no \"$2\" about $1"; exit 1; } >&2
}
wrong '/backend-id/d' "vif-frontend.keys: $fe/backend-id: missing"
wrong 's/queue-1.tx-ring-ref/queue-1\/tx-ring-rex/' "$fe/queue-1/tx-ring-rex: unknown key"
wrong 's/"18446744073709551615/"18446744073709551616/' "vif-backend.keys: $be/rate: "
wrong "s/max-queues = \"2\"/max-queues = \"257\"/" 'max-queues: "257" is not a good value'
wrong "s/num-queues = \"2\"/num-queues = \"3\"/" '3 queues, but the backend offers 2'
wrong 's/"00:16/"01:16/' "$fe/mac: "
wrong 's/frontend-id = "5"/frontend-id = "6"/' 'is not the domain in the path'
wrong "s|frontend = \"$fe\"|frontend = \"/local/domain/6/device/vif/0\"|" 'is not below /local/domain/5/'
wrong 's/backend-id = "0"/backend-id = "0\\n"/' 'backend-id: '
wrong '/queue-0.event-channel/d' 'queue-0/event-channel: missing'
