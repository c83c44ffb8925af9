# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a destroyed guest leaves no interface, key or process behind
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

gone() {
	! compgen -G "/sys/class/net/vif$domid.*"
}

no_engine() {
	! pidof netback-engine
}

backend_start
guest_start g1 pv vcpus=2 vif=script=vif-bridge vif=script=vif-bridge
guest_wait g1
domid=$(guest_domid g1)
check "ping before" ping4 g1 5
check "the guest has two interfaces" test -e "/sys/class/net/vif$domid.1"

# the harder way: packets are on their way
ping -q -i 0.01 -w 5 "$(guest_ip4 g1)" >/dev/null &
ping=$!
guest_destroy g1
check "no vif is left" wait_for 10 gone
check "no key is left" wait_for 10 is_not xenstore-exists "/local/domain/0/backend/vif/$domid"
check "no engine is left" wait_for 10 no_engine
if [ "$BACKEND" = netbackd ]; then
	check "no file is left" wait_for 10 is_not compgen -G "/run/netback/vif$domid.*"
	check "netbackd lives" kill -0 "$netbackd_pid"
fi
wait $ping || true

guest_start g2 pv
guest_wait g2
check "the next guest is served" ping4 g2 5
