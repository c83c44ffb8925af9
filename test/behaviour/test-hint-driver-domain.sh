#!/bin/bash
# SPDX-License-Identifier: MIT -- in a driver domain there are no rights to set weights: netback-hintd says so once and ends in peace
. "$(dirname "$0")/hint.sh"
start_machine 3
fakexen domain 1 net driver
mkdir -p "$run"
FAKEXEN_DOMID=1 XENSTORED_PATH=$tmp/m/xenstored-1.sock "$BUILD/netback-hintd" --config /dev/null --run-dir "$run" --mode apply \
	> "$tmp/hintd.log" 2>&1 || fail "ended with $?"
[ "$(grep -c 'not the control domain' "$tmp/hintd.log")" = 1 ] || fail "does not say why"
