#!/bin/bash
# SPDX-License-Identifier: MIT -- every operation of the control ring, with good arguments and bad ones; statuses as netif.h has them
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd --max-queues 2
vif_add 3 0
start_shim g 3 --profile windows --queues 2
ok=0 unsupported=1 invalid=2 overflow=3

# expect STATUS [DATA] -- CTRL-ARGUMENT...
expect()
{
	local status=$1 data=
	shift
	[ "$1" = -- ] || { data=$1; shift; }
	shim g ctrl "${@:2}"
	tail -n 2 "$tmp/g.out" | grep -q "^status $status ${data:+data $data }" ||
		fail "ctrl ${*:2}: $(tail -n 2 "$tmp/g.out" | head -n 1), expected $status $data"
}
# page_has WORD...: the page after the last request
page_has() { tail -n 2 "$tmp/g.out" | grep -q " page $*" || fail "$(tail -n 2 "$tmp/g.out" | head -n 1), not $*"; }

expect $unsupported -- 0
expect $unsupported -- 11
expect $unsupported -- 65535
expect $invalid -- 7 2
expect $unsupported -- 1
expect $ok -- 7 1
expect $ok 15 -- 1
expect $invalid -- 2 0x10
expect $ok -- 2 15
expect $ok 128 -- 4
expect $invalid -- 5 129
expect $ok -- 5 128

# XSA-270: offset and length, apart and together
shim g page 0,1,0,1
expect $ok -- 6 page 4 0
expect $ok -- 6 page 4 124
for bad in "4 125" "129 0" "1 128" "4 0xfffffffe" "0xffffffff 2" "0x80000000 0x80000000"; do
	shim g ctrl 6 page "$bad"
	tail -n 2 "$tmp/g.out" | grep -q "^status [23] " || fail "mapping $bad: $(tail -n 2 "$tmp/g.out")"
done
shim g page 0,2
expect $invalid -- 6 page 2 0
shim g ctrl 6 0x7ffffff0 1 0
tail -n 2 "$tmp/g.out" | grep -q '^status [1-3] ' || fail "a mapping that cannot be read is accepted"

expect $ok -- 3 page 40
expect $ok -- 3 page 0
expect $overflow -- 3 page 41
expect $overflow -- 3 page 0xffffffff
expect $ok -- 7 0

# staging: limits, read-only and writable, all or nothing, what is deleted twice
expect $ok -- 8 0
expect $ok -- 8 1
expect $invalid -- 8 2
shim g page tx:0,1 rx:0,0
expect $ok -- 9 0 page 2
expect $invalid -- 9 2 page 2
expect $invalid -- 9 0 page 513
shim g page tx:1,1 0x7ffffff0,0
expect $invalid -- 9 0 page 2
shim g page tx:1,0
expect $invalid -- 9 0 page 1 # granted read-only: may not be mapped writable
shim g page tx:0,0xffff0001 tx:1,0xffff0001
expect $ok 1 -- 10 0 page 2
page_has '0x[0-9a-f]* 0x1 0x[0-9a-f]* 0x20001'
shim g page tx:0,0xffff0001
expect $ok 0 -- 10 0 page 1
page_has '0x[0-9a-f]* 0x20001'
shim g disconnect
wait_be 6
shim g stats
log_has 'gnttab: ' && fail "the guest's bad references are logged: $(grep 'gnttab: ' "$tmp/netbackd.log")"
grep -q '"fault_total":0' "$tmp/g.out" || fail "$(tail -n 2 "$tmp/g.out")"
fakexen grants 3 | grep mapped && fail "still mapped"
exit 0
