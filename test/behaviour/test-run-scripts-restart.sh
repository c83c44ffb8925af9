#!/bin/bash
# SPDX-License-Identifier: MIT -- run_scripts: a netbackd that stops ends its scripts, and the next one runs again what was not done
. "$(dirname "$0")/functions.sh"
start_machine 3
cat > "$tmp/script" << END
#!/bin/sh
echo "\$1 \$\$" >> $tmp/calls
[ "\$1" = offline ] || { [ -e $tmp/quick ] || sleep 300; xenstore-write \$XENBUS_PATH/hotplug-status connected; }
END
chmod +x "$tmp/script"
start_netbackd --run-scripts yes
vif_add 3 0 hotplug=none script="$tmp/script"
wait_for "grep -q online $tmp/calls"
first=$(sed -n 's/online //p' "$tmp/calls")
stop_netbackd
kill -0 "$first" 2> /dev/null && fail "the script outlives its netbackd"
expect_be hotplug-status ""

touch "$tmp/quick"
start_netbackd --run-scripts yes
start_shim g 3
wait_be 4
[ "$(grep -c online "$tmp/calls")" = 2 ] || fail "calls: $(cat "$tmp/calls")"

# What is done is not done again.
stop_netbackd
shim g set-state 5
start_netbackd --run-scripts yes
wait_be 5
shim g drop-rings
shim g set-state 6
wait_be 6
shim g set-state 1
wait_be 2
shim g connect
wait_be 4
[ "$(grep -c online "$tmp/calls")" = 2 ] || fail "calls: $(cat "$tmp/calls")"
