# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# hint.sh: functions.sh, and what tests of netback-hintd share
#
#	#!/bin/bash
#	# SPDX-License-Identifier: MIT -- what this test shows
#	. "$(dirname "$0")/hint.sh"
#	start_host 1 2 3		# guest 1 is a network guest short of CPU, the others are hogs; one pCPU
#	start_hintd --mode apply --default both
#	wait_for '[ "$(weight 1)" -gt 256 ]'
#
# Windows are short (100 ms), so that a test takes seconds; the figures are of a test program, not of an engine.
. "$(dirname "${BASH_SOURCE[0]}")/functions.sh"


# use_scheduler NAME: of Pool-0
use_scheduler()
{
	local id
	case $1 in
	credit) id=5 ;; credit2) id=6 ;; arinc653) id=7 ;; rtds) id=8 ;; null) id=9 ;;
	esac
	fakexen sched pool 0 sched_id=$id
	scheduler=$1
}

# weight DOMID, set_weight DOMID WEIGHT: as xl sched-credit2 -d DOMID [-w WEIGHT]
weight() { fakexen sched domain "$1" | sed -n "s/^${scheduler}_weight=//p"; }
set_weight() { fakexen sched domain "$1" "${scheduler}_weight=$2"; }
cap() { fakexen sched domain "$1" | sed -n "s/^${scheduler}_cap=//p"; }

# start_figures DOMID [NAME=RATE...]: pages of a live engine
start_figures()
{
	local domid=$1
	shift
	rm -f "$tmp/figures$domid.in"
	mkfifo "$tmp/figures$domid.in"
	"$BUILD/test/figures" "$run" "$domid" 0 "$@" < "$tmp/figures$domid.in" > "$tmp/figures$domid.out" &
	figures_pid[$domid]=$!
	cleanup_fn kill $!
	eval "exec {figures_fd_$domid}> '$tmp/figures$domid.in'"
	wait_for "grep -q ok $tmp/figures$domid.out"
}
figures() { local fd=figures_fd_$1; echo "${@:2}" >&"${!fd}"; }
declare -A figures_pid

# A guest that is limited by its share, loses frames, and whose traffic is worth a CPU.
needy=(rx_packets=30000 rx_bytes=30000000 rx_large=30000 rx_starved_ns=300000000 drop_rx_expired=3000)

# start_host DOMID...: one pCPU; the first guest is needy, the others compute
start_host()
{
	start_machine "$@"
	mkdir -p "$run"
	scheduler=credit2
	fakexen sched pool 0 cpus=1
	local share=$((1000 / $#))
	for i; do fakexen sched domain "$i" cpu_rate=$share blocked=0 waiting=$((1000 - share)); done
	start_figures "$1" "${needy[@]}"
}

# The leak checker wants ptrace, which the sandbox forbids.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

# start_hintd OPTION...: INTERVAL= leaves the interval to a configuration file
start_hintd()
{
	local interval=${INTERVAL-100}
	: > "$tmp/hintd.log"
	"$BUILD/netback-hintd" --config /dev/null --run-dir "$run" ${interval:+--interval "$interval"} --log-level debug "$@" >> "$tmp/hintd.log" 2>&1 &
	hintd_pid=$!
	cleanup_fn kill "$hintd_pid" ';' wait "$hintd_pid"
	wait_for "grep -q ready $tmp/hintd.log || ! kill -0 $hintd_pid 2> /dev/null"
}

# stop_hintd [SIGNAL]: status 0 if asked kindly
stop_hintd()
{
	kill "-${1:-TERM}" "$hintd_pid"
	wait "$hintd_pid" 2> /dev/null
	local status=$?
	[ "${1:-TERM}" = KILL ] || [ $status -eq 0 ] || fail "netback-hintd ended with status $status"
}

hintd_says() { grep -q -- "$*" "$tmp/hintd.log"; }

# hint FIELD DOMID: a field of hint.json, read by jq
hint() { jq -r --arg field "$1" --argjson domid "$2" '.domains[] | select(.domid == $domid)[$field]' "$run/hint.json"; }
windows() { sleep "0.$1"; }
