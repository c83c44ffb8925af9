#!/bin/bash
# SPDX-License-Identifier: MIT -- every pair of features of a guest: what its neighbour sends arrives byte by byte, large frames too
. "$(dirname "$0")/pairwise.sh"
start_frontends linux -- --max-queues 2
while read -r -a combination; do
	combine "${combination[@]}"
	header=66 size=20000 version=()
	if [ "${has[gso]}" = v6 ]; then header=86 version=(--ipv6); fi
	back --size $size --gso 1448 --count 40 --rate 40 --flows 4 "${version[@]}"
	holds sink "${combination[*]}"
done < <(combinations)
[ "$lives" -ge 9 ] || fail "only $lives combinations"
