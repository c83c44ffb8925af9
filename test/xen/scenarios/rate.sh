# shellcheck shell=bash
# SPDX-License-Identifier: MIT - rate=10Mb/s holds within 5 %, with one queue and with two, and changes while the guest runs
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# rate SECONDS: Mb/s that came from the guest, all queues together, past the burst that a full bucket allows.
rate() {
	local bytes start end sender

	tcp_from_guest g1 $(($1 + 4)) -P 4 >/dev/null 2>&1 &
	sender=$!
	sleep 2
	bytes=$(vif_counter "$vif" rx bytes) start=$EPOCHREALTIME
	sleep "$1"
	bytes=$(($(vif_counter "$vif" rx bytes) - bytes)) end=$EPOCHREALTIME
	wait $sender || return 1
	awk -v b="$bytes" -v s="$start" -v e="$end" 'BEGIN { printf "%.2f\n", b * 8 / 1e6 / (e - s) }'
}

# holds MBIT: within 5 %.
holds() {
	local seen

	seen=$(rate 10) || return 1
	echo "$seen Mb/s"
	compare "$seen" '>=' "$(awk -v r="$1" 'BEGIN { print r * 0.95 }')" &&
		compare "$seen" '<=' "$(awk -v r="$1" 'BEGIN { print r * 1.05 }')"
}

# with_queues N
with_queues() {
	guest_boot g1 pv vcpus="$1" vif=rate=10Mb/s
	vif=$(guest_vif g1)
	key=/local/domain/0/backend/vif/$(guest_domid g1)/0/rate
	check "$1 queues: 10 Mb/s" holds 10
	if [ "$BACKEND" = netbackd ]; then
		note "$1 queues: to the guest $(tcp_to_guest g1 3) Mb/s, which is not limited"
	fi
	xenstore-write "$key" 250000,50000
	check "$1 queues: 40 Mb/s, changed while the guest runs" holds 40
	xenstore-rm "$key"
	check "$1 queues: no limit" compare "$(rate 3)" '>' 60
	guest_destroy g1
}

backend_start
with_queues 1
# the kernel's backend gives each queue a bucket
[ "$BACKEND" = kernel ] || with_queues 2
