# shellcheck shell=bash
# SPDX-License-Identifier: MIT - measures what weight and rate limit do on this Xen, by hand: the simulator is held against it
# shellcheck source=test/xen/scenarios/hint-lib.sh
. /rig/scenarios/hint-lib.sh

hint_world
echo "$sched: label, TCP to the guest Mb/s, hogs' CPUs, ping p50 and p99 ms, weights"
hint_measure alone 5
hint_hogs
for n in 1 2; do
	for w in 256 512 1024; do
		weight g1 $w
		hint_measure weight-$w-$n 5
	done
done
weight g1 256
for n in 1 2; do
	for limit in 1000 500 100 0; do
		pool_set -r $limit
		hint_measure ratelimit-$limit-$n 5
	done
done
