#!/bin/bash
# SPDX-License-Identifier: MIT -- a script that netback-sim does not understand is refused with its line; the same seed gives the same run
. "$(dirname "$0")/functions.sh"

tmp=$(mktemp -d)
cleanup_fn rm -rf "$tmp"
sim=$BUILD/netback-sim
world="pool credit2 pcpus=2
dom0
guest net hint=recipient
guest h1 hog=1 hint=donor
load net pps=9000
hint apply
"

# refused LINE WHAT: after that world, LINE is answered with WHAT and its number
refused() {
	! printf '%s%s\n' "$world" "$1" | "$sim" >"$tmp/out" 2>"$tmp/err" || fail "\"$1\" was accepted"
	grep -q "stdin:7: $2" "$tmp/err" || fail "\"$1\": $(cat "$tmp/err")"
}

refused "fly" "no such command: fly"
refused "x=1" "no such command"
refused "guest" "a word is missing"
refused "guest net" "there is one already: net"
refused "guest g2 pool=1" "no such pool"
refused "guest g2 colour=2" "no such setting: colour"
refused "guest g2 cost=much" "not a number: much"
refused "guest g2 cost=-1" "not a number: -1"
refused "set g9 cost=1" "no such domain: g9"
refused "set dom0 cost=1" "not a guest: dom0"
refused "weight net 70000" "not a number"
refused "weight net 200 cap=101" "weight or cap refused"
refused "tune 0 ratelimit=99" "refused by the scheduler"
refused "pool credit2 pcpus=17" "too many pCPUs"
refused "run for ever" "not a time"
refused "hint maybe" "no such mode: maybe"

# run SEED
run() {
	printf 'seed %s\n%srun 10\nreset\nrun 10\nreport\n' "$1" "$world" | "$sim"
}

run 1 >"$tmp/one"
run 1 | cmp - "$tmp/one" || fail "the same seed, another run"
! run 2 | cmp -s - "$tmp/one" || fail "another seed, the same run"
[ "$(wc -l <"$tmp/one")" -eq 4 ]
