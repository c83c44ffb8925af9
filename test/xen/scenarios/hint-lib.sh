# shellcheck shell=bash
# SPDX-License-Identifier: MIT - for the hint-* scenarios: a pool of one pCPU, hogs, measurements; not a scenario itself
#
# After hint_world: dom0 has pCPU 0 for itself; pool "guests" has pCPU 1, with the scheduler that Xen was booted with, and
# in it g1, a network guest, and the hogs g2 to g4. The pool's rate limit is in xl's microseconds.
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

sched=$(xl info | awk '/^xen_scheduler/ { print $3 }')
hogs=${HOGS:-3}
guests_all=$(seq -f 'g%g' 1 $((hogs + 1)))
guests_hogs=$(seq -f 'g%g' 2 $((hogs + 1)))

# hint_world: the backend and the guests, the hogs not yet at work.
hint_world() {
	local name

	xl vcpu-set 0 1
	xl cpupool-cpu-remove Pool-0 1
	xl cpupool-create "name=\"guests\"" "sched=\"$sched\"" "cpus=[\"1\"]" >/dev/null
	backend_start
	for name in $guests_all; do
		guest_start "$name" pv memory=128
		guest_wait "$name"
		xl cpupool-migrate "$name" guests
	done
	ping4 g1 5 >/dev/null
}

# hint_hogs: each hog's vCPU never blocks again.
hint_hogs() {
	local name

	for name in $guests_hogs; do
		guest_run "$name" "nohup sh -c 'while :; do :; done' </dev/null >/dev/null 2>&1 &"
	done
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

# hint_ping [COUNT]: p50 and p99, ms
hint_ping() {
	local count=${1:-200}

	ping -c "$count" -i 0.02 -W 5 "$(guest_ip4 g1)" | sed -n 's/.* time=\([0-9.]*\) ms/\1/p' | sort -n >"$state/ping"
	count=$(wc -l <"$state/ping")
	echo "$(sed -n "$(((count + 1) / 2))p" "$state/ping") $(sed -n "$(((99 * count + 99) / 100))p" "$state/ping")"
}

# hint_measure LABEL SECONDS: a line: TCP to g1 in Mb/s, CPUs of the hogs meanwhile, p50 and p99 of a ping, weights at the end
hint_measure() {
	local before rate used
	before=$(hogs_cpu)
	rate=$(tcp_to_guest g1 "$2")
	used=$(awk -v a="$before" -v b="$(hogs_cpu)" -v t="$2" 'BEGIN { printf "%.2f", (b - a) / t }')
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$rate" "$used" "$(hint_ping)" "$(weights)" | tee -a /out/hint.tsv
}
