# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a driver domain without xl devd: netbackd runs the scripts and removes the directories itself
# shellcheck source=test/xen/netdom.sh
. /rig/netdom.sh

[ "$BACKEND" = netbackd ] || skip "the kernel's backend runs no scripts"

netdom_start no --run-scripts yes
check "there is no xl devd" netdom "! pidof xl"
check "a guest is created" netdom_guest
check "both ends are connected" netdom_connected
check "the script has run" netdom "test -e /sys/class/net/$bridge/brif/vif$domid.0"
check "ping loses nothing" netdom_ping
check "TCP to the guest" netdom "iperf3 -t 3 -c $(guest_ip4 g1)"
netdom_check_attach
check "the guest is destroyed" guest_destroy g1
check "nothing is left of it" wait_for 10 netdom_empty
check "no directory is left" is_not xenstore-exists "$backend"
check "netbackd lives" netdom "pidof netbackd"
netdom_complain
