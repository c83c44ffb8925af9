#!/bin/bash
# SPDX-License-Identifier: MIT -- a running netback-hintd has no capability, cannot gain one, and is under a system call filter, in all threads
. "$(dirname "$0")/hint.sh"
start_host 1 2
start_hintd --mode observe
threads=0
for status in /proc/"$hintd_pid"/task/*/status; do
	threads=$((threads + 1))
	for line in 'CapEff:.*0000000000000000' 'CapPrm:.*0000000000000000' 'CapBnd:.*0000000000000000' 'NoNewPrivs:.*1' 'Seccomp:.*2'; do
		grep -q "^$line" "$status" || fail "not $line: $(grep "^${line%%:*}" "$status")"
	done
done
[ $threads -ge 2 ] || fail "libxenstore's thread was not looked at"
