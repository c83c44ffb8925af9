# shellcheck shell=bash
# SPDX-License-Identifier: MIT - a driver domain for scenarios, which source this instead of lib.sh
#
# The bridge and the backend are in "netdom", a PV guest whose root is a copy of dom0's; dom0 has
# neither. What the two sides do to each other is asked from netdom by guest_run. g1 is the guest,
# $domid its number and $backend the directory of its backends.

# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# netdom COMMAND: runs it there.
netdom() {
	guest_run netdom "$*"
}

# netdom_start yes|no [OPTION...]: netdom with a bridge and a backend; netbackd gets the options. yes: beside
# xl devd, which runs the scripts.
netdom_start() {
	local start

	(cd / && {
		find bin etc lib lib64 rig sbin usr
		printf '%s\n' dev proc root run sys tmp var var/lib var/lib/xen var/log var/log/xen var/run
	} | cpio -o -H newc 2>/dev/null) >/guest/netdom.img
	at_end rm /guest/netdom.img
	cat >"$state/netdom.cfg" <<-END
		name = "netdom"
		type = "pv"
		vcpus = 2
		memory = 512
		kernel = "/guest/vmlinux"
		ramdisk = "/guest/netdom.img"
		extra = "console=hvc0 net.ifnames=0 quiet panic=1 rdinit=/rig/netdom-init rig.devd=$1"
		driver_domain = 1
	END
	guests=" netdom$guests"
	xl create -q "$state/netdom.cfg"
	guest_wait netdom
	case $BACKEND in
	kernel) start="modprobe xen-netback" ;;
	netbackd) start="netbackd ${*:2} >/tmp/log 2>&1 & until grep -q ready /tmp/log; do sleep 0.2; done" ;;
	esac
	netdom "ip link add $bridge type bridge stp_state 0 forward_delay 0
		ip addr add $net4.1/24 dev $bridge; ip link set $bridge up
		mkdir /srv; head -c 8388608 /dev/urandom >/srv/file; httpd -p 80 -h /srv; $start"
}

# netdom_complain: what netbackd has to say, after a failure.
netdom_complain() {
	[ "$failed" = 0 ] || netdom "tail -n 30 /tmp/log; netbackctl list" | sed 's/^/        | /'
}

# netdom_ping [COUNT]: g1, from netdom.
netdom_ping() {
	netdom "ping -q -c ${1:-10} -i 0.2 -W 5 $(guest_ip4 g1) | grep -w '0% packet loss'"
}

# netdom_states: of both ends of g1's vif, BACKEND/FRONTEND
netdom_states() {
	echo "$(xenstore-read "$backend/0/state")/$(xenstore-read "/local/domain/$domid/device/vif/0/state")"
}

# netdom_guest: g1 with its one vif in netdom.
netdom_guest() {
	guest_start g1 pv vcpus=2 vif=backend=netdom && guest_wait g1
	domid=$(guest_domid g1) backend=/local/domain/$(guest_domid netdom)/backend/vif/$domid
}

netdom_connected() {
	[ "$(netdom_states)" = 4/4 ]
}

# netdom_empty: no interface and no directory of g1's vif is left.
netdom_empty() {
	netdom "! test -e /sys/class/net/vif$domid.0" && ! xenstore-exists "$backend/0"
}

# netdom_check_attach: g1 loses its vif and gets one again, twice.
netdom_check_attach() {
	local round

	for round in 1 2; do
		check "detach, round $round" xl network-detach g1 0
		check "nothing is left of it" wait_for 10 netdom_empty
		check "attach, round $round" xl network-attach g1 mac=00:16:3e:00:01:00 bridge=$bridge backend=netdom
		check "both ends are connected" wait_for 10 netdom_connected
		check "the guest's eth0" guest_run g1 guest-network
		check "ping loses nothing" netdom_ping 5
	done
}
