#!/bin/bash
# SPDX-License-Identifier: MIT -- a second netbackd, one beside the kernel's backend, and one without xenstored refuse to start and say why
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd

# refuses TEXT COMMAND...
refuses()
{
	local text=$1 status
	shift
	timeout 10 "$@" > "$tmp/refused.log" 2>&1
	status=$?
	[ $status -eq 1 ] || fail "status $status"
	grep -q -- "$text" "$tmp/refused.log" || fail "does not say \"$text\""
}
refuses 'another netbackd runs' "$BUILD/netbackd" --run-dir "$run"
refuses 'xenstored does not answer' env XENSTORED_PATH="$tmp/none" "$BUILD/netbackd" --run-dir "$tmp/run2"

unshare -m true 2> /dev/null || exit 0
with_sys() { unshare -m sh -c 'mount -t tmpfs none /sys && mkdir -p $1 && shift && exec "$@"' - "$@"; }
export -f with_sys
refuses 'rmmod xen_netback' bash -c 'with_sys "$@"' - \
	"/sys/bus/xen-backend/drivers/vif /sys/module/xen_netback/initstate" "$BUILD/netbackd" --run-dir "$tmp/run2"
refuses 'initcall_blacklist=netback_init' bash -c 'with_sys "$@"' - \
	"/sys/module/xen_netback" "$BUILD/netbackd" --run-dir "$tmp/run2"
