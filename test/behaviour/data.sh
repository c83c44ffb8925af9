# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# data.sh: functions.sh, and guests that have a network to send something through
#
#	#!/bin/bash
#	# SPDX-License-Identifier: MIT -- what this test shows
#	. "$(dirname "$0")/data.sh"
#	start_network 1 2		# guests 1 and 2 are 10.0.0.11, fd00::11, 10.0.0.12 ...; dom0 is 10.0.0.10, fd00::10
#	start_guest 1; start_guest 2	# each with an eth0 whose other side is its vif, on dom0's bridge br0
#	stream 1 2 10.0.0.12; stream_arrived
. "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

# start_network DOMID... [-- NETBACKD-OPTION...]
start_network()
{
	local domids=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do domids+=("$1"); shift; done
	requires jq perl nsenter
	start_machine "${domids[@]}"
	ip link set lo up
	ip link add br0 type bridge forward_delay 0 mcast_snooping 0 || skip "needs bridges"
	ip addr add 10.0.0.10/24 dev br0
	ip addr add fd00::10/64 dev br0 nodad
	ip link set br0 up
	start_netbackd "${@:2}"
}

declare -A netns shim_pid

# at DOMID COMMAND...: in the network of a guest, or of dom0 for 0
at() { if [ "$1" = 0 ]; then "${@:2}"; else nsenter --net="/proc/${netns[$1]}/ns/net" "${@:2}"; fi; }

# new_netns DOMID: a network namespace, kept by a process
new_netns()
{
	unshare -n sleep infinity &
	netns[$1]=$!
	cleanup_fn kill $!
	wait_for "[ \"\$(readlink /proc/$!/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
}

as_guest() { FAKEXEN_DOMID=$1 XENSTORED_PATH=$tmp/m/xenstored-$1.sock "${@:2}"; }

# start_guest DOMID [NETFRONT-SHIM-OPTION...]: vifDOMID.0 on the bridge, connected, with addresses in the guest
start_guest()
{
	new_netns "$1"
	vif_add "$1" 0 bridge=br0
	FAKEXEN_DOMID=$1 XENSTORED_PATH=$tmp/m/xenstored-$1.sock \
		"$BUILD/netfront-shim" "${@:2}" tap --netns "${netns[$1]}" --name eth0 \
		> "$tmp/guest$1.out" 2> "$tmp/guest$1.log" &
	shim_pid[$1]=$!
	cleanup_fn kill $! ';' wait $!
	wait_for "at $1 ip link show eth0 > /dev/null 2>&1 && has_carrier vif$1.0"
	at "$1" ip addr add "10.0.0.1$1/24" dev eth0
	at "$1" ip addr add "fd00::1$1/64" dev eth0 nodad
}

# stop_guest DOMID: its driver ends in order, and has seen no fault of the backend
stop_guest()
{
	kill "${shim_pid[$1]}"
	wait "${shim_pid[$1]}" || fail "the shim of guest $1 ended with status $?"
	[ "$(jq .fault_total "$tmp/guest$1.out")" = 0 ] || fail "guest $1 saw faults: $(cat "$tmp/guest$1.out")"
}

# counter NAME [VIF [QUEUE]]: a counter or a drop reason, of all queues or of one
counter()
{
	ctl stats --json | jq -r --arg name "$1" --arg vif "${2:-vif1.0}" --arg queue "${3-}" \
		'[.vifs[] | select(.vif == $vif).queues | if $queue == "" then .[] else .[$queue | tonumber] end
		| .[$name] // .drops[$name]] | add'
}
expect_counted() { [ "$(counter "$@")" -gt 0 ] || fail "$*: nothing counted"; }
# but of multicast frames the guest did not want
expect_no_drops()
{
	ctl stats --json | jq -e '[.vifs[].queues[].drops | del(.rx_mcast)[]] | add == 0' > /dev/null ||
		fail "drops: $(ctl stats --json | jq -c '[.vifs[].queues[].drops]')"
}

# serve_iperf3 DOMID PORT...: a server for each run, since one that ends a run may reset the next one's connection
serve_iperf3()
{
	local port

	for port in "${@:2}"; do
		at "$1" iperf3 -s -p "$port" > "$tmp/iperf3-server-$port.log" 2>&1 &
		cleanup_fn kill $!
		wait_for "at $1 grep -qi '$(printf ':%04x ' "$port")' /proc/net/tcp6"
	done
}

# stream FROM TO ADDRESS [COUNT]: numbers in words by one TCP connection, in the background, COUNT or until stream_arrived
stream()
{
	rm -f "$tmp/sent" "$tmp/stop"
	[ $# -lt 4 ] || touch "$tmp/stop"
	# shellcheck disable=SC2016 # Perl's variables
	at "$2" timeout 60 perl -MIO::Socket::IP -e '$s = IO::Socket::IP->new(LocalHost => "::", LocalPort => 9000,
		Listen => 1, ReuseAddr => 1) or die "listen: $@"; $c = $s->accept; print while read $c, $_, 65536' \
		2> "$tmp/receiver.log" | sha256sum > "$tmp/received" &
	stream_receiver=$!
	wait_for "at $2 grep -q ':2328 .* 0A ' /proc/net/tcp6"
	# shellcheck disable=SC2016
	at "$1" timeout 60 bash -c 'set -o pipefail
		perl -e "for (\$n = 0; \$n < $3 || ! -e q($1/stop); \$n += 1000) { print join(qq(\n), \$n .. \$n + 999), qq(\n) }" |
		tee >(sha256sum > "$1/sum"; mv "$1/sum" "$1/sent") > "/dev/tcp/$2/9000"' \
		stream "$tmp" "$3" "${4:-0}" 2> "$tmp/sender.log" &
	stream_sender=$!
}

# stream_arrived: all of it
stream_arrived()
{
	touch "$tmp/stop"
	wait "$stream_sender" || fail "the sender's connection broke"
	wait "$stream_receiver" || fail "the receiver failed"
	wait_for "[ -e $tmp/sent ]"
	cmp "$tmp/sent" "$tmp/received" || fail "what arrived is not what was sent"
}
