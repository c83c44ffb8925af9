#!/bin/bash
# SPDX-License-Identifier: MIT -- xenstored dies with a question under way: libxenstore says EINVAL then, which is no answer about a vif
. "$(dirname "$0")/functions.sh"
start_machine 3
cat > "$tmp/script" << END
#!/bin/sh
echo "\$1" >> $tmp/calls
until [ -e $tmp/go ]; do sleep 0.1; done
END
chmod +x "$tmp/script"
start_netbackd --run-scripts yes
vif_add 3 0 hotplug=none script="$tmp/script"
wait_for "grep -q online $tmp/calls"

xenstored=$(pgrep -f "^xenstored $tmp/m") || fail "which is xenstored?"
kill -STOP "$xenstored"
cleanup_fn kill -9 "$xenstored"
touch "$tmp/go" # the script's end has netbackd look at the vif
sleep 1
kill -9 "$xenstored"
WAIT=3 wait_for "! kill -0 $netbackd_pid"
has_tap vif3.0 || fail "the tap is gone"
! grep -q offline "$tmp/calls" || fail "the interface was taken off its bridge"
