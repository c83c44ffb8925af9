# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a driver domain: its backend serves a guest, xl devd runs the scripts, dom0 only gives orders
# shellcheck source=test/xen/netdom.sh
. /rig/netdom.sh

netdom_start yes
check "dom0's backend directory is empty" is_not xenstore-exists /local/domain/0/backend/vif
check "a guest is created" netdom_guest
hash=$(netdom "sha256sum </srv/file")
check "both ends are connected" netdom_connected
check "dom0 has no such interface" is_not test -e "/sys/class/net/vif$domid.0"
check "ping loses nothing" netdom_ping
check "TCP to the guest" netdom "iperf3 -t 3 -c $(guest_ip4 g1)"
check "TCP from the guest" netdom "iperf3 -t 3 -R -c $(guest_ip4 g1)"
check "a file to the guest keeps its hash" \
	[ "$(guest_run g1 "wget -q -O - http://$net4.1/file | tee /srv/file | sha256sum")" = "$hash" ]
check "a file from the guest keeps its hash" \
	[ "$(netdom "wget -q -O - http://$(guest_ip4 g1)/file | sha256sum")" = "$hash" ]

if [ "$BACKEND" = netbackd ]; then
	check "without gntalloc all copies are as they can be" netdom "[ ! -e /dev/xen/gntalloc ] &&
		netbackctl stats --json | grep -q '\"copy_selfgrant\": *0'"
	check "a TCP connection survives the engine" netdom "timeout 40 iperf3 -t 6 -c $(guest_ip4 g1) & sleep 2
		kill -9 \$(pidof netback-engine); wait \$!"
	check "a TCP connection survives netbackd" netdom "timeout 40 iperf3 -t 9 -c $(guest_ip4 g1) & iperf=\$!; sleep 2
		kill -9 \$(pidof netbackd); sleep 1; netbackd >>/tmp/log 2>&1 & wait \$iperf"
	check "both ends are connected" netdom_connected
fi

netdom_check_attach
guest_run g1 "ping $net4.1 >/dev/null 2>&1 &"
check "the guest is destroyed" guest_destroy g1
check "nothing is left of it" wait_for 10 netdom_empty
check "no directory is left" is_not xenstore-exists "$backend"
if [ "$BACKEND" = netbackd ]; then
	check "no engine is left" netdom "! pidof netback-engine"
	check "netbackd lives" netdom "pidof netbackd"
fi
check "xl devd lives" netdom "pidof xl"
netdom_complain
