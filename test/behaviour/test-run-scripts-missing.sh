#!/bin/bash
# SPDX-License-Identifier: MIT -- run_scripts without a hotplug-status key: 4 waits for the script's end, and its failure makes the key
. "$(dirname "$0")/functions.sh"
start_machine 3
printf '#!/bin/sh\n[ "$1" = offline ] || read status < "%s/$vif"\nexit $status\n' "$tmp" > "$tmp/script"
chmod +x "$tmp/script"
for n in 0 1; do
	mkfifo "$tmp/vif3.$n"
	vif_add 3 $n wait=no hotplug=none script="$tmp/script"
	xenstore-rm "/local/domain/0/backend/vif/3/$n/hotplug-status"
done
start_netbackd --run-scripts yes
wait_be 2
start_shim g 3 --hold
shim g make-rings
shim g publish
shim g set-state 4
wait_for '[ "$(vif_field state)" = attached ]'
sleep 0.3
expect_be state 2
echo 0 > "$tmp/vif3.0"
wait_be 4
xenstore-exists "$be/hotplug-status" && fail "netbackd made the key"

vif_is 3 1
echo 9 > "$tmp/vif3.1"
wait_for '[ "$(be hotplug-status)" = error ]'
expect_be hotplug-error "the script ended with status 9"
expect_be state 2
