# shellcheck shell=bash
# SPDX-License-Identifier: MIT - netbackd killed or stopped, and started again: guests do not notice
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

[ "$BACKEND" = netbackd ] || skip "the kernel's backend is no process"

# survives SIGNAL: a TCP connection both before and after netbackd died of SIGNAL.
survives() {
	local transfer

	tcp_to_guest g1 10 &
	transfer=$!
	sleep 2
	kill "-$1" "$netbackd_pid"
	wait "$netbackd_pid" || true
	sleep 2
	backend_start
	kill -0 $transfer || { echo "it ended too early to be in the middle"; return 1; }
	wait $transfer
}

backend_start
guest_start g1 pv
guest_wait g1
vif=$(guest_vif g1)
state_key=/local/domain/0/backend/vif/$(guest_domid g1)/0/state

for signal in KILL TERM; do
	check "a TCP connection survives SIG$signal of netbackd" survives $signal
	check "the backend's state is 4" test "$(xenstore-read "$state_key")" = 4
	check "ping loses nothing" ping4 g1 5
	check "netbackctl shows the vif" netbackctl show "$vif"
	check "there is one engine" test "$(pidof netback-engine | wc -w)" -eq 1
done
check "the adopted vif can be detached" xl network-detach g1 0
check "$vif is gone" wait_for 10 is_not test -e "/sys/class/net/$vif"
