#!/bin/bash
# SPDX-License-Identifier: MIT -- an engine that hangs is killed after five seconds; netbackd goes on and another one can serve
. "$(dirname "$0")/functions.sh"
start_machine 3
engine=$(sanitized_engine)
cat > "$tmp/silent" << END
#!/bin/sh
[ -e "$tmp/works" ] && exec "${engine:-$BUILD/netback-engine}" "\$@"
touch "$tmp/started"
exec sleep 100
END
chmod +x "$tmp/silent"
start_netbackd --engine "$tmp/silent"
vif_add 3 0
start_shim g 3 --hold
shim g make-rings
shim g publish
shim g set-state 4
ctl list | grep -q vif3.0 || fail "netbackd hangs with its engine"
wait_for "[ -e $tmp/started ]"
touch "$tmp/works"
wait_be 4
log_has 'did not start in time' || fail "nothing was killed"
