# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a guest that crashes, with packets on their way: nothing of it is left, others go on
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

no_vif() {
	! compgen -G "/sys/class/net/vif$domid.*"
}

backend_start
guest_start g1 pv
guest_start g2 pv
guest_wait g1
guest_wait g2
domid=$(guest_domid g1)
guest_run g1 "(iperf3 -t 60 -c $(guest_ip4 g2)) >/dev/null 2>&1 &"
tcp_to_guest g1 60 >/dev/null 2>&1 &
sleep 2
ping -q -c 100 -i 0.1 "$(guest_ip4 g2)" >"$state/ping" &
ping=$!
guest_run g1 "(sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &"
check "the domain is gone" wait_for 20 is_not xl domid g1
check "no vif is left" wait_for 10 no_vif
check "no key is left" wait_for 10 is_not xenstore-exists "/local/domain/0/backend/vif/$domid"
wait $ping || true
check "the other guest answered throughout" grep -w '0% packet loss' "$state/ping"
if [ "$BACKEND" = netbackd ]; then
	check "no file is left" wait_for 10 is_not compgen -G "/run/netback/vif$domid.*"
	check "one engine is left" wait_for 10 [ "$(pidof netback-engine | wc -w)" -eq 1 ]
fi
guests=' g2'
guest_start g1 pv
guest_wait g1
check "the next one is served" ping4 g1 5
