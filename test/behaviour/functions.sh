# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# functions.sh: what behaviour tests share: a machine, a netbackd, guests, and waiting for things
#
#	#!/bin/bash
#	# SPDX-License-Identifier: MIT -- what this test shows
#	. "$(dirname "$0")/functions.sh"
#	start_machine 3			# a fake Xen with a guest 3, in a network namespace of its own
#	start_netbackd
#	vif_add 3 0			# as xl network-attach
#	start_shim g 3 --queues 2	# the guest's driver connects
#	wait_be 4
#
# Any number of tests may run at once: all they make is in $tmp, in one network namespace, and gone at the end.
# A test ends with the status of its last command; fail ends it at once, with the logs.
set -u
trap "" PIPE
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-$PWD/build}

skip() { echo "$*"; exit 77; }

fail()
{
	echo "FAIL: $*"
	for log in "$tmp"/*.log; do
		[ -s "$log" ] && sed "s/^/$(basename "$log"): /" "$log" | tail -n 60
	done
	xenstore-ls -f /local/domain 2> /dev/null | grep /vif/ | tail -n 60
	exit 1
}

requires() { for i; do command -v "$i" > /dev/null || skip "needs $i"; done; }

cleanups=()
cleanup_fn() { cleanups=("$*" "${cleanups[@]}"); }
clean_up()
{
	local status=$? i
	trap - EXIT
	for i in "${cleanups[@]}"; do eval "$i"; done > /dev/null 2>&1
	if grep -l 'ERROR: .*Sanitizer\|runtime error:' "$tmp"/*.log 2> /dev/null; then
		cat "$tmp"/*.log
		status=1
	fi
	rm -rf "$tmp"
	exit "$status"
}

# Run the whole test again in a network namespace of its own, as root of a user namespace if need be.
own_network()
{
	[ "${NB_OWN_NETWORK:-}" = "$$" ] && return
	requires unshare ip
	[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
	local how=(unshare -n)
	[ "$(id -u)" = 0 ] || how=(unshare -Urn)
	"${how[@]}" true 2> /dev/null || skip "needs network namespaces"
	NB_OWN_NETWORK=$$ exec "${how[@]}" "$0" "$@"
}

# --- the machine --------------------------------------------------------------------------------------------

# start_machine DOMID...: a fake Xen with these guests; $tmp, $run and the environment are set
start_machine()
{
	own_network
	requires xenstore-read
	tmp=$(mktemp -d) run=$tmp/run
	trap clean_up EXIT
	eval "$("$BUILD/fakexen/fakexen" create "$tmp/m")"
	cleanup_fn "$BUILD/fakexen/fakexen" destroy "$tmp/m"
	for i; do fakexen domain "$i" "guest$i"; done
}

fakexen() { local verb=$1; shift; "$BUILD/fakexen/fakexen" "$verb" "$tmp/m" "$@"; }

# vif_add DOMID DEVID [KEY=VALUE...], vif_remove DOMID DEVID [force]: as xl network-attach and -detach
vif_add() { fakexen vif-add "$@" || fail "vif-add $*"; }
vif_remove() { fakexen vif-remove "$@" || fail "vif-remove $*"; }

# --- the store: keys of vif 3.0 unless vif_is says otherwise --------------------------------------------------

vif_is() { be=/local/domain/0/backend/vif/$1/$2 fe=/local/domain/$1/device/vif/$2; }
vif_is 3 0

be() { xenstore-read "$be/$1" 2> /dev/null; }
fe() { xenstore-read "$fe/$1" 2> /dev/null; }

# wait_for COMMAND...: until it succeeds, for WAIT seconds at most
wait_for()
{
	local end=$((SECONDS + ${WAIT:-15}))
	until eval "$*"; do
		[ $SECONDS -lt $end ] || fail "waited in vain for: $*"
		sleep 0.02
	done
}

wait_be() { wait_for "[ \"\$(be state)\" = $1 ]"; }
expect_be() { [ "$(be "$1")" = "$2" ] || fail "backend's $1 is \"$(be "$1")\", not \"$2\""; }
wait_gone() { wait_for "! ip link show $1 > /dev/null 2>&1"; }
has_tap() { ip link show "$1" > /dev/null 2>&1; }
has_carrier() { ip link show "$1" | grep -q LOWER_UP; }

# --- netbackd -----------------------------------------------------------------------------------------------

# The sanitizers make system calls and open files of which the engine's sandbox knows nothing.
sanitized_engine()
{
	grep -q '__[at]san_init' "$BUILD/netback-engine" || return 0
	printf '#!/bin/sh\nexec "%s/netback-engine" --sandbox caps "$@"\n' "$BUILD" > "$tmp/engine"
	chmod +x "$tmp/engine"
	echo "$tmp/engine"
}

start_netbackd()
{
	local engine
	engine=$(sanitized_engine)
	: > "$tmp/netbackd.log"
	"$BUILD/netbackd" --run-dir "$run" --log-level debug ${engine:+--engine "$engine"} "$@" >> "$tmp/netbackd.log" 2>&1 &
	netbackd_pid=$!
	cleanup_fn kill "$netbackd_pid" ';' wait "$netbackd_pid"
	wait_for "grep -q ready $tmp/netbackd.log || ! kill -0 $netbackd_pid"
	kill -0 "$netbackd_pid" || fail "netbackd did not start"
}

# stop_netbackd [SIGNAL]: and see that it ends, with status 0 if asked kindly
stop_netbackd()
{
	kill "-${1:-TERM}" "$netbackd_pid"
	wait "$netbackd_pid"
	local status=$?
	[ "${1:-TERM}" = KILL ] || [ $status -eq 0 ] || fail "netbackd ended with status $status"
	mv "$tmp/netbackd.log" "$tmp/netbackd-$netbackd_pid.log"
}

log_has() { grep -q -- "$*" "$tmp/netbackd.log"; }
ctl() { "$BUILD/netbackctl" --run-dir "$run" "$@"; }
vif_field() { ctl show "${2:-vif3.0}" --json | sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p"; }

# --- guests -------------------------------------------------------------------------------------------------

# A driver that is told to end wants to close in order, for which there may be nobody left.
end_guest()
{
	kill "$1"
	for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" || return 0; sleep 0.05; done
	kill -9 "$1"
	wait "$1"
}

# start_shim NAME DOMID [OPTIONS...]: a driver that obeys `shim NAME COMMAND`; connects at once unless OPTIONS has --hold
start_shim()
{
	local name=$1 domid=$2 hold=() options=() i
	shift 2
	for i; do
		if [ "$i" = --hold ]; then hold=(--hold); else options+=("$i"); fi
	done
	mkfifo "$tmp/$name.in"
	: > "$tmp/$name.out"
	FAKEXEN_DOMID=$domid XENSTORED_PATH=$tmp/m/xenstored-$domid.sock \
		"$BUILD/netfront-shim" --domid "$domid" -v "${options[@]}" connect "${hold[@]}" \
		< "$tmp/$name.in" > "$tmp/$name.out" 2> "$tmp/$name.log" &
	cleanup_fn end_guest $!
	eval "exec {shim_fd_$name}> '$tmp/$name.in'"
	[ ${#hold[@]} -eq 0 ] || return 0
	wait_for "grep -q start $tmp/$name.out"
	grep -q '^ok start' "$tmp/$name.out" || fail "shim $name did not connect"
}

# shim NAME COMMAND...: and wait for its "ok"; shim_try returns whether it was ok
shim_try()
{
	local name=$1 fd=shim_fd_$1 lines
	shift
	# what a held one says of its start is no answer
	wait_for "grep -q start $tmp/$name.out"
	lines=$(grep -c '^ok\|^error' "$tmp/$name.out")
	echo "$*" >&"${!fd}" || fail "shim $name is gone"
	wait_for "[ \$(grep -c '^ok\|^error' $tmp/$name.out) -gt $lines ]"
	tail -n 1 "$tmp/$name.out" | grep -q '^ok'
}
shim() { shim_try "$@" || fail "shim $*: $(tail -n 1 "$tmp/$1.out")"; }
