#!/bin/bash
# SPDX-License-Identifier: MIT -- run_scripts: a script that hangs holds up nobody, is killed when its device goes, and the next device waits for its end
. "$(dirname "$0")/functions.sh"
start_machine 3 4
start_netbackd --run-scripts yes
cat > "$tmp/slow" << 'END'
#!/bin/sh
echo "$1 begins" >> "$(dirname "$0")/calls"
[ "$1" = online ] && [ ! -e "$(dirname "$0")/quick" ] && sleep 300
[ "$1" = offline ] && sleep 1
[ "$1" = online ] && xenstore-write "$XENBUS_PATH/hotplug-status" connected
echo "$1 ends" >> "$(dirname "$0")/calls"
END
printf '#!/bin/sh\n[ $1 = offline ] || xenstore-write $XENBUS_PATH/hotplug-status connected\n' > "$tmp/script"
chmod +x "$tmp/slow" "$tmp/script"

vif_add 3 0 hotplug=none script="$tmp/slow"
wait_for "grep -q begins $tmp/calls"
vif_add 4 0 hotplug=none script="$tmp/script"
vif_is 4 0
start_shim h 4
wait_be 4

# The same id at once: the old script is told of the end and done before the new one begins.
vif_is 3 0
touch "$tmp/quick"
vif_add 3 0 hotplug=none script="$tmp/slow"
start_shim g 3
wait_be 4
printf '%s\n' 'online begins' 'offline begins' 'offline ends' 'online begins' 'online ends' > "$tmp/want"
diff "$tmp/want" "$tmp/calls" || fail "order of the scripts"
pgrep -f "$tmp/slow" > /dev/null && fail "the hanging script lives on"
[ "$(vif_field state vif4.0)" = connected ] || fail "the other guest suffers"
