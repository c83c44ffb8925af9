#!/bin/bash
# SPDX-License-Identifier: MIT -- forty connected devices are detached at once, by guests that follow and guests that do not: no rest is left
. "$(dirname "$0")/functions.sh"
guests=$(seq 1 10)
# shellcheck disable=SC2086 # a list
start_machine $guests
start_netbackd --workers 1 --max-queues 1
fds() { find "/proc/$netbackd_pid/fd" | wc -l; }
nodes() { xenstore-ls /local/domain/0 | wc -l; }
before="$(fds) $(nodes)"
for round in 1 2; do
	for g in $guests; do
		for n in 0 1 2 3; do vif_add "$g" "$n" wait=no hotplug=none; done
	done
	wait_for '[ "$(ctl list | grep -c "2 InitWait")" = 40 ]'
	for g in $guests; do
		for n in 0 1 2 3; do xenstore-write "/local/domain/0/backend/vif/$g/$n/hotplug-status" connected; done
		start_shim "g$round$g" "$g" --vif 1
	done
	wait_for '[ "$(ctl list | grep -c "4 Connected *4 Connected")" = 10 ]'
	for g in $guests; do
		for n in 0 1 2 3; do
			xenstore-write "/local/domain/0/backend/vif/$g/$n/online" 0 "/local/domain/0/backend/vif/$g/$n/state" 5
		done
	done
	for g in 1 3 5 7 9; do shim "g$round$g" disconnect; done
	wait_for '[ "$(ip -o link show type tun | wc -l)" = 0 ]'
	for g in $guests; do
		for n in 0 1 2 3; do
			vif_is "$g" "$n"
			expect_be state 6
		done
		xenstore-rm "/local/domain/0/backend/vif/$g"
	done
	wait_for '[ "$(ctl list | wc -l)" = 1 ]'
	wait_for "! ls $run/engine-* $run/vif* > /dev/null 2>&1"
	for g in $guests; do xenstore-rm "/local/domain/$g/device/vif"; done
done
xenstore-rm /local/domain/0/backend
wait_for "[ '$before' = \"\$(fds) \$(nodes)\" ]"
