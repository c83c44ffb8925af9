#!/bin/bash
# SPDX-License-Identifier: MIT -- a run directory without room for a vif's files: the vif is refused, no engine dies of it; with room it is served
. "$(dirname "$0")/functions.sh"
if [ -z "${NB_OWN_MOUNTS:-}" ]; then
	unshare -m true 2> /dev/null || skip "needs mount namespaces"
	NB_OWN_MOUNTS=1 exec unshare -m "$0"
fi
start_machine 3
mkdir "$run"
mount -t tmpfs -o size=100k none "$run" || skip "cannot mount a tmpfs"
cleanup_fn umount "$run"
start_netbackd
vif_add 3 0 wait=no
wait_be 5
[[ "$(be error)" = *"No space left on device"* ]] || fail "error: $(be error)"

mount -o remount,size=1m "$run"
xenstore-write "$be/hotplug-status" connected
start_shim g 3 --hold
shim g set-state 6
wait_be 6
shim g connect
wait_be 4
wait_for '[ "$(vif_field carrier)" = true ]'
! log_has 'killed by signal' || fail "an engine died"
