# shellcheck shell=bash
# SPDX-License-Identifier: MIT - whatever ends a hint, the weights afterwards are the administrator's
# shellcheck source=test/xen/scenarios/hint-lib.sh
HOGS=${HOGS:-2}
. /rig/scenarios/hint-lib.sh
hint_required

# hinted: a hint at work
hinted() {
	hintd_start --mode apply
	wait_for 40 raised g1 || hintd_complain
	note "weights: $(weights)"
}

hint_world
consent g1 recipient
for name in $guests_hogs; do
	consent "$name" donor
done
hint_hogs
hint_load

hinted
hintd_stop
check "SIGTERM puts the weights back" unhinted

hinted
kill -9 "$hintd"
wait "$hintd" || true
check "kill -9 leaves them for now" raised g1
hintd_start --mode observe
check "the next one puts them back" wait_for 5 unhinted
hintd_stop

hinted
weight g1 700
sleep 3
check "an administrator's weight stays" weight_is g1 700
hintd_stop
check "and also after the end" weight_is g1 700
weight g1 256
check "the others are as they were" unhinted

hinted
hint_load_end
xl save g1 /tmp/g1.save
check "after xl save the donors have theirs" wait_for 10 weight_is g2 256
note "libxl has saved the weight $(grep -a -o '"weight": [0-9]*' /tmp/g1.save | head -n 1)"
xl restore /tmp/g1.save
# it may be back in Pool-0, whose scheduler may be another one
check "after xl restore the guest has its own" wait_for 30 eval \
	'{ xl sched-credit2 -d g1 || xl sched-credit -d g1; } 2>/dev/null | grep -qw 256'
xl cpupool-migrate g1 guests
hintd_stop
check "at last all have" unhinted

consent g1 recipient # it is another domain now
hint_load
hinted
kill -9 "$netbackd_pid"
wait "$netbackd_pid" || true
check "without netbackd they come back, too" wait_for 30 unhinted
backend_start
hintd_stop
check "and stay" unhinted
hint_load_end
