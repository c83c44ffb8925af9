#!/bin/bash
# SPDX-License-Identifier: MIT -- a guest that breaks the ring loses its vif, with the reason in xenstore, and may connect again
. "$(dirname "$0")/data.sh"
start_network 3
vif_add 3 0 bridge=br0

# breaks WAY REASON
breaks()
{
	as_guest 3 "$BUILD/netfront-shim" hostile --wait 300 "$1" > "$tmp/$1.out" 2> "$tmp/$1.log" || fail "$1: status $?"
	jq -e --arg why "$2" '.backend_after == 5 and (.alive | not) and .recovers and (.backend_error | contains($why))' \
		"$tmp/$1.out" > /dev/null || fail "$1: $(cat "$tmp/$1.out")"
}
breaks tx-crosses-page "crosses its page"
breaks tx-size-65535 "crosses its page"
breaks tx-slots-40 "too many slots"
breaks tx-more-data-alone "last request is missing"
breaks tx-extra-missing "extra info is missing"
breaks tx-gso-size-0 "invalid extra info"
breaks tx-extra-type-5 "invalid extra info"
breaks tx-req-prod-jump "tx ring: the producer index"
breaks tx-req-prod-back "tx ring: the producer index"
breaks rx-req-prod-jump "rx ring: the producer index"
[ "$(ctl stats --json | jq '.engines[0].restarts')" = 0 ] || fail "the engine died of it"
