# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# frontends.sh: data.sh, and a guest 1 of any kind that exchanges verified frames with a guest 2 of Linux
#
#	#!/bin/bash
#	# SPDX-License-Identifier: MIT -- what this test shows
#	. "$(dirname "$0")/frontends.sh"
#	start_frontends ipxe		# guest 1 is iPXE; each `there` and `back` is one life of its driver
#	there --size 1514		# it sends, guest 2 echoes
#	back --size 1514		# guest 2 sends
. "$(dirname "${BASH_SOURCE[0]}")/data.sh"

# start_frontends PROFILE [-- NETBACKD-OPTION...]
start_frontends()
{
	profile=$1
	start_network 1 2 "${@:2}"
	options=("${start_options[@]}")
	lives=0
	vif_is 1 0
	for guest in 1 2; do
		vif_add $guest 0 bridge=br0
		mac[guest]=$(xenstore-read "/local/domain/$guest/device/vif/0/mac")
	done
}

declare -a mac start_options

# run_shim NAME DOMID SHIM-ARGUMENT...: its report is $tmp/NAME.out
run_shim() { as_guest "$2" "$BUILD/netfront-shim" "${@:3}" > "$tmp/$1.out" 2> "$tmp/$1.log"; }

# in_guest NAME DOMID SHIM-ARGUMENT...: in the background and connected; end_in_guest NAME: and it has seen no fault
declare -A in_guest_pid
in_guest()
{
	: > "$tmp/$1.log"
	FAKEXEN_DOMID=$2 XENSTORED_PATH=$tmp/m/xenstored-$2.sock \
		"$BUILD/netfront-shim" "${@:3}" > "$tmp/$1.out" 2> "$tmp/$1.log" &
	in_guest_pid[$1]=$!
	cleanup_fn kill $! ';' wait $!
	wait_for "grep -q 'connected vif' $tmp/$1.log || ! kill -0 $!" && wait_for "has_carrier vif$2.0"
}
end_in_guest()
{
	kill "${in_guest_pid[$1]}"
	wait "${in_guest_pid[$1]}" || fail "$1 ended with status $?: $(cat "$tmp/$1.out" "$tmp/$1.log")"
}

# A driver that never closes is followed by a new device, as after a reboot of its guest.
next_life()
{
	lives=$((lives + 1))
	[ "$profile" = openbsd ] && [ $lives -gt 1 ] || return 0
	vif_remove 1 0
	vif_add 1 0 bridge=br0
}

# report NAME FILTER: of the last line of its report
report() { tail -n 1 "$tmp/$1.out" | jq -r "$2"; }

# there [GENERATE-OPTION...]: $count or 100 frames of guest 1 come back from guest 2 as they were, in one life of guest 1's driver
there()
{
	next_life
	in_guest echo 2 echo
	run_shim sender 1 --profile "$profile" "${options[@]}" generate --dst-mac "${mac[2]}" --count "${count:-100}" --rate 300 \
		--delay 300 --linger 10000 "$@" || fail "there $*: status $?: $(cat "$tmp/sender.out" "$tmp/sender.log")"
	end_in_guest echo
	local sent
	sent=$(report echo .received.payload_bytes)
	[ "$(report sender .received.payload_bytes)" = "$sent" ] || fail "there $*: $(cat "$tmp/sender.out" "$tmp/echo.out")"
	[ "$(report sender '"\(.sent) \(.received.corrupt) \(.received.bad_csum) \(.fault_total)"')" = "${count:-100} 0 0 0" ] ||
		fail "there $*: $(cat "$tmp/sender.out")"
	[ "$(report echo '"\(.received.lost) \(.received.late)"')" = "0 0" ] || fail "there $*: $(cat "$tmp/echo.out")"
	[ "$sent" -ge $((18 * ${count:-100})) ] || fail "there $*: $sent bytes arrived"
}

# back [GENERATE-OPTION...]: all frames of guest 2, 60 unless told, reach guest 1 in one life of guest 1's driver
back()
{
	next_life
	in_guest sink 1 --profile "$profile" "${options[@]}" sink
	run_shim sender 2 generate --dst-mac "${mac[1]}" --count 60 --rate 100 --delay 300 "$@" ||
		fail "back $*: status $?: $(cat "$tmp/sender.out" "$tmp/sender.log")"
	local bytes=$(($(report sender '(.size - '"${header:-42}"') * .sent')))
	wait_for "kill -USR1 ${in_guest_pid[sink]}; [ \"\$(report sink .received.payload_bytes)\" = $bytes ]"
	end_in_guest sink
	[ "$(report sink '"\(.received.corrupt) \(.received.bad_csum) \(.received.lost) \(.received.late) \(.fault_total)"')" = \
		"0 0 0 0 0" ] || fail "back $*: $(cat "$tmp/sink.out")"
}

# serve PROFILE: what each frontend must see: both ways with the offloads it has, down in order, and up again
serve()
{
	start_frontends "$1"
	there --size 60
	back --size 1514 --csum blank
	header=66 back --size 30000 --gso 1448 --count 30 --rate 15
	header=62 back --size 1514 --ipv6 --csum blank
	there --size 1400 --proto tcp
	[ "$profile" = openbsd ] || expect_no_drops # frames for a guest that is gone without a word
}
