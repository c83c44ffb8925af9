# shellcheck shell=bash
# SPDX-License-Identifier: MIT - 50 times detached and attached under traffic: nothing is left over
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# The second vif comes and goes, so that the domain's engine stays. Both ends send on it all the time: the
# bridge floods what dom0 sends, and a loop in the guest sets it up and asks for an address.
ROUNDS=${ROUNDS:-50}
BACK=/local/domain/0/backend/vif

# count: a line "NAME NUMBER" for all that could leak; kB at the end.
count() {
	echo "interfaces $(find /sys/class/net -mindepth 1 | wc -l)"
	echo "keys $(xenstore-ls -f / | grep -vc '/data/')"
	echo "dom0-event-channels $(lsevtchn 0 | grep -c .)"
	echo "guest-event-channels $(lsevtchn "$(guest_domid g1)" | grep -c .)"
	[ "$BACKEND" = netbackd ] || return 0
	echo "files $(find /run/netback -type f | wc -l)"
	for name in netbackd netback-engine; do
		pid=$(pidof $name)
		echo "$name-fds $(find "/proc/$pid/fd" -mindepth 1 | wc -l)"
		echo "$name-maps $(wc -l <"/proc/$pid/maps")"
		awk -v name=$name '$1 == "Threads:" { print name "-threads", $2 }
			$1 == "RssAnon:" { print name "-kB", $2 }' "/proc/$pid/status"
	done
}

# same: no count has changed, and memory by no more than 64 kB (an allocator settles, a leak of a vif does not)
same() {
	awk 'FNR == NR { before[$1] = $2; next }
		{ printf "%-24s %8d %8d\n", $1, before[$1], $2; more = $2 - before[$1] }
		$1 ~ /-kB$/ ? more > 64 : more != 0 { wrong = 1 }
		END { exit wrong || FNR < 4 }' "$state/before" "$state/after"
}

settled() {
	count >"$state/after"
	same
}

vif_state() {
	[ "$(xenstore-read "$BACK/$domid/1/state")" = "$1" ]
}

# round: detached and attached, until it is connected and packets flow from it.
round() {
	local vif=vif$domid.1

	xl network-detach g1 1 || return 1
	wait_for 10 is_not test -e "/sys/class/net/$vif" || return 1
	xl network-attach g1 mac=00:16:3e:00:01:01 bridge=$bridge || return 1
	wait_for 10 vif_state 4 || return 1
	wait_for 10 received "$vif"
}

received() {
	[ "$(vif_counter "$1" rx packets)" -gt 0 ]
}

rounds() {
	local n

	for ((n = 0; n < $1; n++)); do
		round || { echo "round $n"; return 1; }
	done
}

backend_start
guest_start g1 pv vcpus=2 vif vif
guest_wait g1
domid=$(guest_domid g1)
guest_run g1 "while :; do ip link set eth1 up && arping -q -f -c 1 -w 1 -I eth1 $net4.1; sleep 0.1; done >/dev/null 2>&1 &"
ping -q -b -i 0.02 $net4.255 >/dev/null 2>&1 &
tcp_to_guest g1 1000 -b 20M >/dev/null 2>&1 &
check "three rounds to settle" rounds 3
sleep 2
count >"$state/before"
check "$ROUNDS rounds" rounds "$ROUNDS"
check "nothing is left over" wait_for 15 settled
same | sed 's/^/        /' || true
check "ping loses nothing" ping4 g1 10
