#!/bin/bash
# SPDX-License-Identifier: MIT -- no hotplug-status key at all: there is nothing to wait for
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd
vif_add 3 0 hotplug=none
xenstore-rm "$be/hotplug-status"
start_shim g 3
wait_be 4
xenstore-exists "$be/hotplug-status" && fail "netbackd made the key"
exit 0
