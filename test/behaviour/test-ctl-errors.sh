#!/bin/bash
# SPDX-License-Identifier: MIT -- netbackctl says what is wrong, and its options are those of its manual page
. "$(dirname "$0")/functions.sh"
start_machine
start_netbackd
# wrong STATUS TEXT ARGUMENTS...
wrong()
{
	local expected=$1 text=$2 status
	shift 2
	"$BUILD/netbackctl" "$@" > "$tmp/ctl.log" 2>&1
	status=$?
	[ $status -eq "$expected" ] || fail "$*: status $status"
	grep -q -- "$text" "$tmp/ctl.log" || fail "$*: does not say \"$text\""
}
wrong 1 'netbackd does not run here' --run-dir "$tmp" list
wrong 1 'there is no vif7.0' --run-dir "$run" show vif7.0
wrong 2 'which command' --run-dir "$run"
wrong 2 'there is no command lsit' lsit
wrong 2 'which vif' show
wrong 2 'too many arguments' list vif3.0
wrong 2 'watch goes with stats' list --watch 1
wrong 2 'takes 1 to 3600' stats --watch 0

for program in netbackctl netbackd; do
	"$BUILD/$program" --help | grep -o -- '--[a-z-]*' | sort -u > "$tmp/help"
	sed -n 's/^\.It Fl Fl \([a-z-]*\).*/--\1/p' docs/$program.8 | sort -u | diff "$tmp/help" - || fail "$program: --help and docs/$program.8 differ"
	"$BUILD/$program" --version | grep -q "^$program [0-9]" || fail "$program --version"
done
