# shellcheck shell=bash
# SPDX-License-Identifier: MIT - for the hint-* scenarios: a pool of one pCPU, hogs, measurements; not a scenario itself
#
# After hint_world: dom0 has pCPU 0 for itself; pool "guests" has pCPU 1, with the scheduler $SCHED (default: that with which
# Xen was booted), and in it g1, a network guest, and the hogs g2 to g4. The pool's rate limit is in xl's microseconds.
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

sched=${SCHED:-$(xl info | awk '/^xen_scheduler/ { print $3 }')}
hogs=${HOGS:-3}
table=/out/hint-$sched.tsv
guests_hogs=$(seq 2 $((hogs + 1)) | sed 's/^/g/')
guests_all="g1 $guests_hogs"

# hint_world: the backend and the guests, the hogs not yet at work.
hint_world() {
	local name

	rm -f "$table"
	xl vcpu-set 0 1
	if xl cpupool-list | grep -q '^guests '; then
		wait_for 10 xl cpupool-destroy guests
	else
		xl cpupool-cpu-remove Pool-0 1
	fi
	xl cpupool-create "name=\"guests\"" "sched=\"$sched\"" "cpus=[\"1\"]" >/dev/null
	backend_start
	for name in $guests_all; do
		guest_start "$name" pv
		guest_wait "$name"
		xl cpupool-migrate "$name" guests
	done
	ping4 g1 5 >/dev/null
}

# hint_hogs: each hog's vCPU never blocks again.
hint_hogs() {
	local name before

	before=$(hogs_cpu)
	for name in $guests_hogs; do
		guest_run "$name" "setsid sh -c 'while :; do :; done' </dev/null >/dev/null 2>&1 &"
	done
	sleep 3
	check "the hogs are at work" compare "$(hogs_cpu)" '>' "$(awk "BEGIN { print $before + 1.5 }")"
}

# weight NAME [VALUE]: prints it, or sets it as an administrator does.
weight() {
	if [ $# -eq 1 ]; then
		xl "sched-$sched" -d "$1" | awk -v name="$1" '$1 == name { print $3 }'
	else
		xl "sched-$sched" -d "$1" -w "$2"
	fi
}

weights() {
	local name

	for name in $guests_all; do
		printf '%s ' "$(weight "$name")"
	done
}

# pool_set SETTINGS: xl's options, of the pool of the guests
pool_set() {
	xl "sched-$sched" -s -p guests "$@" >/dev/null
}

# hogs_cpu: CPU seconds that the hogs have used together
hogs_cpu() {
	local name

	for name in $guests_hogs; do
		xl list "$name"
	done | awk '$1 != "Name" { sum += $NF } END { print sum }'
}

# hint_load: TCP to g1 in the background until hint_load_end; hint_pings likewise, 100 a second: with the answers 200 packets,
# where a guest that has less than 100 may be of class idle
hint_load() {
	setsid sh -c "while :; do iperf3 -p 5202 -t 60 -c $(guest_ip4 g1); done" >/dev/null 2>&1 &
	load=$!
}

hint_pings() {
	setsid ping -q -i 0.01 "$(guest_ip4 g1)" >/dev/null &
	load=$!
}

hint_load_end() {
	kill -- "-$load"
	wait "$load" || true
}

# --- netback-hintd ---

# hint_required: the end of a scenario that needs it
hint_required() {
	[ "$BACKEND" = netbackd ] || skip "means nothing with the kernel's backend"
	[ -x /usr/sbin/netback-hintd ] || skip "build/netback-hintd was not there when the image was made"
}

# consent NAME WORD: as an administrator says it
consent() {
	xenstore-write "/local/domain/0/backend/vif/$(guest_domid "$1")/hint" "$2"
}

# hintd_start OPTION...: what a packet justifies is told for a machine that is emulated
hintd_start() {
	netback-hintd --packet-us 1000 --byte-ns 100 "$@" 2>"$state/hintd.log" &
	hintd=$!
	wait_for 10 grep -q ready "$state/hintd.log" || hintd_complain
}

hintd_complain() {
	note "netback-hintd said:"
	tail -n 30 "$state/hintd.log" | sed 's/^/        | /'
	timeout 5 netbackctl hint | sed 's/^/        | /'
	return 1
}

hintd_stop() {
	kill "$hintd"
	wait "$hintd" || note "netback-hintd: status $?"
}

# weight_is NAME WEIGHT, raised NAME, unhinted: all guests have the weight they were born with
weight_is() {
	[ "$(weight "$1")" = "$2" ] || { echo "$1 has $(weight "$1")"; return 1; }
}

raised() {
	[ "$(weight "$1")" -gt 256 ] || { weights; netbackctl hint; return 1; }
}

unhinted() {
	local name

	for name in $guests_all; do
		weight_is "$name" 256 || return 1
	done
}

# --- measurements ---

# hint_ping [COUNT]: p50 and p99, ms
hint_ping() {
	local count=${1:-200}

	ping -c "$count" -i 0.02 -W 5 "$(guest_ip4 g1)" | sed -n 's/.* time=\([0-9.]*\) ms/\1/p' | sort -n >"$state/ping"
	count=$(wc -l <"$state/ping")
	echo "$(sed -n "$(((count + 1) / 2))p" "$state/ping") $(sed -n "$(((99 * count + 99) / 100))p" "$state/ping")"
}

# hint_measure LABEL SECONDS: a line: TCP to g1 in Mb/s, CPUs of the hogs meanwhile, p50 and p99 of a ping, weights after the TCP
hint_measure() {
	local before rate used now

	before=$(hogs_cpu)
	rate=$(tcp_to_guest g1 "$2")
	used=$(awk -v a="$before" -v b="$(hogs_cpu)" -v t="$2" 'BEGIN { printf "%.2f", (b - a) / t }')
	now=$(weights)
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$rate" "$used" "$(hint_ping)" "$now" | tee -a "$table"
}
