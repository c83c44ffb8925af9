#!/bin/bash
# SPDX-License-Identifier: MIT -- run_scripts: "online" once after 2, "offline" after 6 and before the interface goes, not again over restarts
. "$(dirname "$0")/functions.sh"
start_machine 3

cat > "$tmp/script" << 'END'
#!/bin/sh
echo "$vif $1 $2 state $(xenstore-read "$XENBUS_PATH/state") path $XENBUS_PATH netdev $netdev" \
	"$(ip -o link show "$vif" > /dev/null && echo there)" >> "$(dirname "$0")/calls"
[ "$1" = offline ] || xenstore-write "$XENBUS_PATH/hotplug-status" connected
END
chmod +x "$tmp/script"
touch "$tmp/calls"
start_netbackd --run-scripts yes
calls() { wait_for "[ \$(wc -l < $tmp/calls) = $1 ]"; }

vif_add 3 0 hotplug=none script="$tmp/script" gatewaydev=eth7
start_shim g 3
wait_be 4
calls 1
shim g reconnect
stop_netbackd KILL
start_netbackd --run-scripts yes
wait_for '[ "$(vif_field state)" = connected ]'
calls 1

# As a toolstack that waits for the script's own sign before it removes the directory.
xenstore-write "$be/online" 0 "$be/state" 5
shim g disconnect
wait_gone vif3.0
expect_be state 6
calls 2
cat > "$tmp/want" << 'END'
vif3.0 online type_if=vif state 2 path backend/vif/3/0 netdev eth7 there
vif3.0 offline type_if=vif state 6 path backend/vif/3/0 netdev eth7 there
END
diff "$tmp/want" "$tmp/calls" || fail "the script was called otherwise"
xenstore-exists "$be" || fail "the toolstack's directory was removed"

# Without the setting it is the toolstack's.
stop_netbackd
start_netbackd
vif_add 3 0 hotplug=none script="$tmp/script"
start_shim h 3 --hold
sleep 0.5
[ "$(wc -l < "$tmp/calls")" = 2 ] || fail "run without being told so"
expect_be hotplug-status ""
