#!/bin/bash
# SPDX-License-Identifier: MIT -- run_scripts over a restart with the guest closed: "online" that was cut off runs again, "offline" is not forgotten
. "$(dirname "$0")/functions.sh"
start_machine 3
cat > "$tmp/script" << END
#!/bin/sh
echo "\$vif \$1" >> $tmp/calls
[ "\$1" = offline ] || { [ -e $tmp/quick ] || sleep 300; xenstore-write \$XENBUS_PATH/hotplug-status connected; }
END
chmod +x "$tmp/script"
calls() { grep -c "$*" "$tmp/calls"; }
start_netbackd --run-scripts yes
vif_add 3 0 hotplug=none script="$tmp/script"
wait_for "grep -q online $tmp/calls"
shim_closed() { shim g set-state 6; wait_be 6; }

# Closed while the script ran.
start_shim g 3 --hold
shim_closed
stop_netbackd
touch "$tmp/quick"
start_netbackd --run-scripts yes
shim g set-state 1
wait_be 2
shim g connect
wait_be 4
[ "$(calls vif3.0 online)" = 2 ] || fail "calls: $(cat "$tmp/calls")"

# Closed while no netbackd ran, and taken away later.
stop_netbackd
shim g set-state 6
start_netbackd --run-scripts yes
wait_be 6
[ "$(calls vif3.0 offline)" = 0 ] || fail "calls: $(cat "$tmp/calls")"
xenstore-write "$be/online" 0
wait_gone vif3.0
[ "$(calls vif3.0 offline)" = 1 ] || fail "calls: $(cat "$tmp/calls")"

# Never connected, and taken away while no netbackd ran.
vif_add 3 1 hotplug=none script="$tmp/script"
wait_for "grep -q 'vif3.1 online' $tmp/calls"
stop_netbackd
vif_is 3 1
xenstore-write "$be/online" 0
start_netbackd --run-scripts yes
wait_gone vif3.1
[ "$(calls vif3.1 offline)" = 1 ] || fail "calls: $(cat "$tmp/calls")"
