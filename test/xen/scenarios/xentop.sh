# shellcheck shell=bash
# SPDX-License-Identifier: MIT - xentop shows the bytes and packets of /proc/net/dev
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# xentop's words, as "rx-bytes rx-packets tx-bytes tx-packets" of the guest's first vif
seen_by_xentop() {
	xentop -b -i 1 -n | sed -n '/^ *g1 /,$s/[^0-9]/ /gp' | awk 'NR == 2 { print $2, $3, $6, $7 }'
}

# /proc/net/dev's words in the same order. A vif receives what its guest sends.
seen_by_kernel() {
	awk -v vif="$vif:" '$1 == vif { print $2, $3, $10, $11 }' /proc/net/dev
}

agree() {
	set -- "$(seen_by_kernel)" "$(seen_by_xentop)"
	printf '/proc/net/dev: %s\nxentop:        %s\n' "$1" "$2"
	[ -n "$1" ] && [ "$1" = "$2" ]
}

backend_start
guest_start g1 pv
guest_wait g1
vif=$(guest_vif g1)
tcp_to_guest g1 2 >/dev/null
udp_packets "$(guest_ip4 g1)" -R -t 2 >/dev/null
sleep 1
# a stray neighbour discovery may fall between the two readings
check "xentop and /proc/net/dev agree" wait_for 10 agree
