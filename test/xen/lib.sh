# shellcheck shell=bash
# SPDX-License-Identifier: MIT - what scenarios use inside dom0: backends, guests, reports
#
# A scenario is a bash script that begins with ". /rig/lib.sh". When it ends, however it ends,
# its guests are destroyed, the latest first, its backend is stopped and "N passed, N failed" is printed; it fails
# if a check failed or if it did not reach its end (set -e is on).
#
#   BACKEND=kernel    Linux's xen-netback, the judge of the scenarios themselves
#   BACKEND=netbackd  ours (default)
#
# Guests are called g1, g2, ...; gN has the addresses $net4.(10+N) and $net6::(10+N), the bridge
# has 1. An iperf3 server listens in every guest on 5201 and 5202, and httpd serves /srv.
set -eu

BACKEND=${BACKEND:-netbackd}
net4=192.168.77 net6=fd77:
bridge=xenbr0
passed=0 failed=0 guests='' netbackd_pid=''
at_end=() netbackd_options=()
state=$(mktemp -d)

# --- reports ---

note() {
	echo "        $*"
}

# check DESCRIPTION COMMAND...: counts and prints whether COMMAND succeeds, its output if not.
check() {
	local what=$1 status=0

	shift
	"$@" >"$state/check" 2>&1 || status=$?
	if [ $status -eq 0 ]; then
		echo "ok      $what"
		passed=$((passed + 1))
		return
	fi
	echo "FAILED  $what: $* (status $status)"
	sed 's/^/        | /' "$state/check"
	failed=$((failed + 1))
}

# skip REASON: this scenario means nothing here.
skip() {
	echo "skip    $*"
	exit 77
}

# at_end COMMAND...: what is to be undone when the scenario ends, after its guests are gone.
at_end() {
	at_end=("$*" "${at_end[@]}")
}

# compare A OPERATOR B: for numbers with a fraction, OPERATOR as in awk.
compare() {
	awk -v a="$1" -v b="$3" "BEGIN { exit !(a != \"\" && a + 0 $2 b + 0) }" || {
		echo "not true: $*"
		return 1
	}
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds.
wait_for() {
	local deadline=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $deadline ]; then
			echo "in vain: $*"
			return 1
		fi
		sleep 0.2
	done
}

is_not() {
	! "$@"
}

# --- the backend ---

bridge_up() {
	[ ! -e /sys/class/net/$bridge ] || return 0
	ip link add $bridge type bridge stp_state 0 forward_delay 0
	ip addr add $net4.1/24 dev $bridge
	ip addr add $net6:1/64 dev $bridge nodad
	ip link set $bridge up
}

# backend_start: the one that BACKEND names, netbackd with $netbackd_options. The one must be gone before the other starts.
backend_start() {
	bridge_up
	case $BACKEND in
	kernel) modprobe xen-netback ;;
	netbackd)
		[ ! -d /sys/module/xen_netback ] || modprobe -r xen-netback
		[ -x /usr/sbin/netbackd ] || skip "build/netbackd was not there when the image was made"
		netbackd "${netbackd_options[@]}" 2>"$state/netbackd.log" &
		netbackd_pid=$!
		wait_for 10 grep -q ready "$state/netbackd.log" || backend_complain
		;;
	esac
}

# backend_complain: what one wants to see of netbackd after a failure; more of it in /out.
backend_complain() {
	local vif

	note "netbackd said:"
	tail -n 30 "$state/netbackd.log" | sed 's/^/        | /'
	cp "$state/netbackd.log" "/out/netbackd-$$.log"
	for vif in /sys/class/net/vif*; do
		timeout 5 netbackctl show "${vif##*/}"
		timeout 5 netbackctl stats "${vif##*/}"
	done >"/out/vifs-$$" 2>&1
	sed 's/^/        | /' "/out/vifs-$$"
	return 1
}

backend_stop() {
	case $BACKEND in
	kernel) [ ! -d /sys/module/xen_netback ] || wait_for 10 modprobe -r xen-netback ;;
	netbackd)
		[ -n "$netbackd_pid" ] || return 0
		kill "$netbackd_pid"
		wait "$netbackd_pid" || note "netbackd: status $?"
		netbackd_pid=''
		;;
	esac
}

# netback_counter VIF NAME: netbackd's counter NAME, a line for each queue.
netback_counter() {
	netbackctl stats "$1" --json | grep -o "\"$2\": *[0-9]*" | grep -o '[0-9]*$'
}

# --- guests ---

guest_ip4() {
	echo "$net4.$((10 + ${1#g}))"
}

guest_ip6() {
	echo "$net6:$((10 + ${1#g}))"
}

guest_domid() {
	xl domid "$1"
}

# is_another NAME DOMID: it lives on as another domain.
is_another() {
	local domid

	domid=$(guest_domid "$1") && [ "$domid" != "$2" ]
}

# guest_vif NAME [DEVICE]: its interface in dom0.
guest_vif() {
	echo "vif$(guest_domid "$1").${2:-0}"
}

# guest_start NAME [pv|pvh] [vcpus=N] [memory=MB] [vif[=SPEC]]...: creates it, does not wait. A SPEC
# is added to the usual mac= and bridge= of a vif, and wins; without one there is one plain vif.
guest_start() {
	local name=$1 type=pv vcpus=1 memory=256 vifs='' n=0 option mac

	shift
	for option in "$@" ''; do
		mac=00:16:3e:00:0${name#g}:0$n
		case $option in
		pv | pvh) type=$option ;;
		vcpus=* | memory=*) local "${option?}" ;;
		vif | vif=*)
			option=${option#vif}
			vifs+="'mac=$mac,bridge=$bridge${option/#=/,}'," n=$((n + 1))
			;;
		'') [ $n -gt 0 ] || vifs="'mac=$mac,bridge=$bridge'" ;;
		*) note "guest_start: what is $option?" && return 1 ;;
		esac
	done
	cat >"$state/$name.cfg" <<-END
		name = "$name"
		type = "$type"
		vcpus = $vcpus
		memory = $memory
		kernel = "/guest/vmlinux"
		ramdisk = "/guest/initrd"
		extra = "console=hvc0 net.ifnames=0 quiet panic=1 rig.name=$name rig.ip4=$(guest_ip4 "$name")/24 rig.ip6=$(guest_ip6 "$name")/64"
		vif = [ $vifs ]
		on_crash = "destroy"
		on_reboot = "destroy"
	END
	guests=" $name$guests"
	xl create -q "$state/$name.cfg"
}

# guest_is_settled DOMID: it takes commands, or is no more.
guest_is_settled() {
	xenstore-exists "/local/domain/$1/data/ready" || ! xenstore-exists "/local/domain/$1"
}

# guest_wait NAME: until it takes commands.
guest_wait() {
	local domid

	domid=$(guest_domid "$1") || return 1
	wait_for "${GUEST_TIMEOUT:-90}" guest_is_settled "$domid" || true
	xenstore-exists "/local/domain/$domid/data/ready" && return
	guest_complain "$1" 20
	return 1
}

# guest_complain NAME: the last words of it.
guest_complain() {
	note "the console of $1 ends with"
	tail -n "${2:-8}" "/var/log/xen/guest-$1"*.log | sed 's/^/        | /'
}

# guest_boot NAME OPTION...: guest_start and guest_wait.
guest_boot() {
	guest_start "$@"
	guest_wait "$1"
}

# triple_faults: how many guests Xen has stopped for one. No backend can cause it.
triple_faults() {
	xl dmesg | grep -c 'Triple fault' || true
}

# pvh_tries FUNCTION [ARGUMENT]...: runs FUNCTION NAME ARGUMENT... for a PVH guest it is to boot, and checks in it.
#
# The emulator runs SVM inside emulation. Now and then it resumes a guest with registers of Xen's, or the guest hangs before
# its kernel has found any device. Such a try tells nothing of the network and does not count.
pvh_tries() {
	local try name faults vif failed_before=$failed

	for try in 1 2 3 4 5; do
		name=g$((10 + try)) faults=$(triple_faults)
		"$1" "$name" "${@:2}" || failed=$((failed + 1))
		[ "$failed" -gt "$failed_before" ] || return 0
		vif=/local/domain/0/backend/vif/$(guest_domid "$name" 2>/dev/null || true)/0/state
		[ "$(triple_faults)" -gt "$faults" ] || [ "$(xenstore-read "$vif" 2>/dev/null || true)" = 2 ] || return 0
		note "try $try: the emulator broke the guest"
		guest_destroy "$name" || true
		[ "$try" -eq 5 ] || failed=$failed_before
	done
}

# guest_run NAME COMMAND: runs COMMAND in a shell of the guest; prints what it printed (at most
# 18 KB) and returns its status. Goes through xenstore and so needs no network. One at a time for a
# guest. COMMAND is killed with the guest only; 120 seconds without an answer are an error.
guest_run() {
	local domid dir token=$EPOCHREALTIME watch line chunks='' n

	domid=$(guest_domid "$1") || return 125
	dir=/local/domain/$domid/data
	exec {watch}< <(exec timeout 120 xenstore-watch "$dir/done")
	line=$!
	xenstore-write "$dir/cmd" "$token $(base64 -w 0 <<<"$2")"
	while read -r -u "$watch" _; do
		read -r n chunks < <(xenstore-read "$dir/done" 2>/dev/null) || true
		[ "$n" != "$token" ] || break
		chunks=''
	done
	kill "$line" 2>/dev/null || true
	exec {watch}<&-
	[ -n "$chunks" ] || { echo "no answer from $1 to: $2"; return 125; }
	for ((n = 0; n < chunks; n++)); do
		xenstore-read "$dir/out/$n"
	done | base64 -d
	return "$(xenstore-read "$dir/status")"
}

# guest_unload NAME: its netfront, which cannot be unloaded as long as it has a device.
guest_unload() {
	guest_run "$1" "cd /sys/bus/xen/drivers/vif && for vif in vif-*; do echo \$vif >unbind; done
		modprobe -r xen-netfront && ! test -e /sys/class/net/eth0"
}

guest_destroy() {
	guests=" $guests "
	guests=${guests/ $1 / }
	xl destroy "$1"
}

# --- traffic, all of it between dom0 and a guest; to_ is world -> guest (rx), from_ is tx ---

ping4() {
	ping -q -c "${2:-20}" -i 0.2 -W 5 "$(guest_ip4 "$1")" | grep -w '0% packet loss'
}

ping6() {
	ping -6 -q -c "${2:-20}" -i 0.2 -W 5 "$(guest_ip6 "$1")" | grep -w '0% packet loss'
}

# iperf ADDRESS OPTION...: Mb/s that were received.
iperf() {
	timeout 60 iperf3 -f m -c "$@" >"$state/iperf" 2>&1 || { cat "$state/iperf"; return 1; }
	awk '/receiver/ { rate = $(NF - 2) } END { print rate }' "$state/iperf"
}

tcp_to_guest() {
	iperf "$(guest_ip4 "$1")" -t "${2:-3}" "${@:3}"
}

tcp_from_guest() {
	iperf "$(guest_ip4 "$1")" -R -t "${2:-3}" "${@:3}"
}

# udp_packets ADDRESS OPTION...: packets received per second, of 18 bytes, as fast as they go.
udp_packets() {
	timeout 60 iperf3 -u -l 18 -b 0 -c "$@" >"$state/iperf" 2>&1 || { cat "$state/iperf"; return 1; }
	awk '/receiver/ { split($3, t, "-"); split($(NF - 2), n, "/"); printf "%d\n", (n[2] - n[1]) / t[2] }' \
		"$state/iperf"
}

# file_make MB: a file of random bytes that httpd of dom0 serves; its hash in $file_hash.
file_make() {
	mkdir -p /srv
	head -c $(($1 << 20)) /dev/urandom >/srv/file
	file_hash=$(sha256sum </srv/file)
	pidof httpd >/dev/null || httpd -p '[::]:80' -h /srv
}

# file_to_guest NAME [ADDRESS]: the guest fetches the file from ADDRESS of dom0 and prints its hash.
file_to_guest() {
	[ "$(guest_run "$1" "wget -q -O - http://${2:-$net4.1}/file | sha256sum")" = "$file_hash" ]
}

# file_put NAME: gives the guest a copy, which its httpd serves; over IPv4, whatever the test is.
file_put() {
	guest_run "$1" "wget -q -O /srv/file http://$net4.1/file"
}

# file_from_guest NAME [ADDRESS]: fetches the guest's copy from ADDRESS of the guest.
file_from_guest() {
	[ "$(wget -q -O - "http://${2:-$(guest_ip4 "$1")}/file" | sha256sum)" = "$file_hash" ]
}

# stream_make SECONDS: a CGI program of dom0's httpd that sends for about so long, 2.5 MB a second.
stream_make() {
	file_make 0
	mkdir -p /srv/cgi-bin
	head -c 262144 /dev/urandom >/srv/chunk
	stream_hash=$(for ((n = 0; n < $1 * 10; n++)); do cat /srv/chunk; done | sha256sum)
	cat >/srv/stream <<-END
		#!/bin/sh
		printf 'Content-Type: application/octet-stream\r\n\r\n'
		for n in \$(seq $(($1 * 10))); do cat /srv/chunk; sleep 0.1; done
	END
	cp /srv/stream /srv/cgi-bin/
	chmod 755 /srv/cgi-bin/stream
}

# stream_put NAME: the guest's httpd gets the program, too.
stream_put() {
	guest_run "$1" "cd /srv && mkdir -p cgi-bin && wget -q -O chunk http://$net4.1/chunk &&
		wget -q -O cgi-bin/stream http://$net4.1/stream && chmod 755 cgi-bin/stream"
}

# streams_start NAME: from dom0 to the guest and from the guest to dom0, in the background.
streams_start() {
	guest_run "$1" "(wget -q -O - http://$net4.1/cgi-bin/stream | sha256sum >/tmp/stream) >/dev/null 2>&1 &"
	wget -q -O - "http://$(guest_ip4 "$1")/cgi-bin/stream" | sha256sum >"$state/stream" &
	stream=$!
	sleep 2
}

# streams_run NAME: both are in the middle.
streams_run() {
	kill -0 "$stream" && guest_run "$1" "pidof wget"
}

# stream_to_guest_whole NAME, stream_from_guest_whole: it has ended, or ends, and was right.
stream_to_guest_whole() {
	wait_for "${STREAM_TIMEOUT:-120}" guest_run "$1" "test -s /tmp/stream" &&
		[ "$(guest_run "$1" "cat /tmp/stream")" = "$stream_hash" ]
}

stream_from_guest_whole() {
	wait_for "${STREAM_TIMEOUT:-120}" is_not kill -0 "$stream" && [ "$(cat "$state/stream")" = "$stream_hash" ]
}

# vif_counter VIF rx|tx bytes|packets: as dom0's kernel sees it, where rx is what the guest sent.
vif_counter() {
	cat "/sys/class/net/$1/statistics/$2_$3"
}

# frame_size VIF rx|tx COMMAND...: mean size of the frames that crossed VIF while COMMAND ran.
frame_size() {
	local vif=$1 way=$2 bytes packets

	shift 2
	bytes=$(vif_counter "$vif" "$way" bytes) packets=$(vif_counter "$vif" "$way" packets)
	"$@" >/dev/null || return 1
	packets=$(($(vif_counter "$vif" "$way" packets) - packets))
	echo $((($(vif_counter "$vif" "$way" bytes) - bytes) / packets))
}

# --- netfront-shim as a guest's frontend, instead of its kernel's ---

# shim_prepare NAME
shim_prepare() {
	guest_unload "$1" && guest_run "$1" "modprobe -a xen-evtchn xen-gntalloc tun"
}

# shim_run NAME ARGUMENT...: to its end; prints its report or what it complains of.
shim_run() {
	guest_run "$1" "timeout 100 netfront-shim ${*:2} 2>&1"
}

# shim_start NAME ARGUMENT...: in the background, until the backend is connected; shim_end stops it.
shim_start() {
	guest_run "$1" "(netfront-shim ${*:2} >/tmp/shim 2>&1; echo status \$? >>/tmp/shim) >/dev/null 2>&1 &"
	wait_for 10 shim_connected "$1"
}

shim_connected() {
	[ "$(xenstore-read "/local/domain/0/backend/vif/$(guest_domid "$1")/0/state")" = 4 ]
}

# shim_tap NAME OPTION...: the guest has an eth0 again, whose other side is the vif.
shim_tap() {
	shim_start "$@" tap --name eth0 && wait_for 10 guest_run "$1" guest-network
}

# shim_end NAME [FIELD OPERATOR NUMBER]: it stops in order, has seen no fault, and counted so much.
shim_end() {
	local count

	guest_run "$1" "! killall netfront-shim; until grep -q ^status /tmp/shim; do sleep 0.2; done
		cat /tmp/shim" | tee "$state/shim"
	grep -q '"fault_total":0,' "$state/shim" && grep -qx 'status 0' "$state/shim" || return 1
	[ $# -gt 1 ] || return 0
	count=$(grep -o "\"$2\":[0-9]*" "$state/shim" | head -n 1)
	compare "${count#*:}" "$3" "$4"
}

finish() {
	local status=$1 name command

	trap - EXIT
	set +e
	if [ -n "$netbackd_pid" ] && [ $((status + failed)) -gt 0 ]; then
		backend_complain
	fi
	for name in $guests; do
		[ $((status + failed)) -eq 0 ] || guest_complain "$name"
		xl destroy "$name" 2>/dev/null
	done
	backend_stop
	for command in "${at_end[@]}"; do
		eval "$command"
	done
	ip link del $bridge 2>/dev/null
	# shellcheck disable=SC2046 # a list of words
	kill $(jobs -p) 2>/dev/null
	echo "$passed passed, $failed failed"
	rm -rf "$state"
	[ "$status" -eq 0 ] || exit "$status"
	exit $((failed > 0))
}
trap 'finish $?' EXIT
