#!/bin/bash
# SPDX-License-Identifier: MIT -- every pair of features of a guest: what it sends comes back from its neighbour byte by byte
. "$(dirname "$0")/pairwise.sh"
start_frontends linux -- --max-queues 2
while read -r -a combination; do
	combine "${combination[@]}"
	there "${traffic[@]}"
	holds sender "${combination[*]}"
done < <(combinations)
[ "$lives" -ge 9 ] || fail "only $lives combinations"
expect_no_drops
