#!/bin/bash
# SPDX-License-Identifier: MIT -- run_scripts in a driver domain: in the place of xl devd, the removal of the directory included
. "$(dirname "$0")/functions.sh"
start_machine 3
fakexen domain 1 net driver
printf '#!/bin/sh\necho $1 $XENBUS_PATH >> %s/calls\n[ $1 = offline ] || xenstore-write $XENBUS_PATH/hotplug-status connected\n' "$tmp" > "$tmp/script"
chmod +x "$tmp/script"
export FAKEXEN_DOMID=1 XENSTORED_PATH=$tmp/m/xenstored-1.sock
start_netbackd --run-scripts yes
export FAKEXEN_DOMID=0 XENSTORED_PATH=$tmp/m/xenstored.sock
be=/local/domain/1/backend/vif/3/0
vif_add 3 0 backend=1 script="$tmp/script"
vif_add 3 1 backend=1 script="$tmp/script"
start_shim g 3
wait_be 4
# As libxl: it waits for the directory to vanish, and fails if it does not.
vif_remove 3 0 backend=1
xenstore-exists "$be" && fail "the directory is left"
[ "$(xenstore-list /local/domain/1/backend/vif/3)" = 1 ] || fail "the other device's directory is gone"
vif_remove 3 1 backend=1
xenstore-exists /local/domain/1/backend/vif/3 && fail "the empty parent is left"
printf '%s\n' 'online backend/vif/3/0' 'online backend/vif/3/1' 'offline backend/vif/3/0' 'offline backend/vif/3/1' |
	diff - <(sort -k1,1r -k2 "$tmp/calls") || fail "the script was called otherwise"
[ "$(ip -o link show type tun | wc -l)" = 0 ] || fail "taps are left"
log_has 'the store refuses\|cannot be written\|cannot be removed' && fail "a driver domain may not write all that was tried"
exit 0
