#!/bin/bash
# SPDX-License-Identifier: MIT -- a directory that contradicts itself is refused with a reason; its neighbour is served
. "$(dirname "$0")/functions.sh"
start_machine 3 4
start_netbackd

# refused KEY=VALUE REASON
refused()
{
	vif_add 3 0 wait=no "$1"
	wait_be 5
	be error | grep -q -- "$2" || fail "$1: error is \"$(be error)\""
	xenstore-read /local/domain/0/error/backend/vif/3/0/error | grep -q -- "$2" || fail "$1: no error where Linux has it"
	has_tap vif3.0 && fail "$1: has a tap"
	vif_remove 3 0
	wait_for '! ctl list | grep vif3.0'
	xenstore-exists /local/domain/0/error/backend/vif/3/0 && fail "$1: the error node stays"
}
refused handle=1 'handle is not the device'
refused handle=x 'handle'
refused frontend-id=4 'frontend-id is not the domain'
refused frontend=/local/domain/4/device/vif/0 'XSA-175'
refused frontend=/local/domain/3/../4/device/vif/0 'frontend'
refused mac=zz 'mac'

vif_is 4 0
vif_add 4 0
expect_be state 2
