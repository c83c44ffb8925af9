# shellcheck shell=bash
# SPDX-License-Identifier: MIT - two guests on one bridge reach each other
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# file_between FROM TO: TO fetches what FROM serves.
file_between() {
	file_put "$1"
	[ "$(guest_run "$2" "wget -q -O - http://$(guest_ip4 "$1")/file | sha256sum")" = "$file_hash" ]
}

backend_start
guest_start g1 pv
guest_start g2 pv
guest_wait g1
guest_wait g2

check "g1 pings g2 over IPv4" guest_run g1 "ping -c 5 $(guest_ip4 g2) | grep -w '0% packet loss'"
check "g2 pings g1 over IPv6" guest_run g2 "ping6 -c 5 $(guest_ip6 g1) | grep -w '0% packet loss'"
check "TCP from g1 to g2" guest_run g1 "iperf3 -t 3 -c $(guest_ip4 g2)"
check "TCP from g2 to g1" guest_run g1 "iperf3 -t 3 -R -c $(guest_ip4 g2)"
file_make 8
check "a file from g1 to g2 keeps its hash" file_between g1 g2
check "a file from g2 to g1 keeps its hash" file_between g2 g1
