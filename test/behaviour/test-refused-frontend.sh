#!/bin/bash
# SPDX-License-Identifier: MIT -- frontend keys that cannot be served: 5 and a reason; the same guest is served once they are good
. "$(dirname "$0")/functions.sh"
start_machine 3
start_netbackd --max-queues 2
vif_add 3 0
vif_add 3 1
start_shim g 3 --hold

# refused REASON KEY VALUE: the guest connects with a wrong key, or without it if VALUE is -
refused()
{
	shim g make-rings
	shim g publish
	if [ "$3" = - ]; then xenstore-rm "$fe/$2"; else xenstore-write "$fe/$2" "$3"; fi
	shim g set-state 4
	wait_be 5
	be error | grep -q -- "$1" || fail "$2=$3: error is \"$(be error)\""
	shim g drop-rings
	xenstore-rm "$fe/$2"
	shim g set-state 6
	wait_be 6
	shim g set-state 1
	wait_be 2
}
refused 'page flipping' request-rx-copy 0
refused 'page flipping' request-rx-copy -
refused 'more than we offered' multi-queue-num-queues 3
refused 'multi-queue-num-queues' multi-queue-num-queues 0
refused 'tx-ring-ref' tx-ring-ref -
refused 'rx-ring-ref' rx-ring-ref 1e9
refused 'go together' event-channel-rx -
refused 'event-channel-tx' event-channel-tx 0

shim g connect
wait_be 4
be error && fail "the reason outlives the trouble"
vif_is 3 1
expect_be state 2
