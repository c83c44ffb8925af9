#!/bin/bash
# SPDX-License-Identifier: MIT
# e12: vCPUs come and go, a domain moves to another pool, a domain ends and another of its name begins, in the middle of a hint
. "${0%/*}/lib.sh"
experiment e12-changes "vCPUs, pools and domains that change"

# start SCHEDULER
start() {
	printf '%s\n' "pool $1 pcpus=2" "pool $1" "pool credit2" "dom0 pool=2" "guest net hint=recipient weight=300"
	hogs 4
	printf '%s\n' "hint apply" "load net pps=10000" "run 20"
}

for s in credit credit2; do
	{
		start $s
		printf '%s\n' "trace $OUT/$name-$s.trace" reset "run 30" "label $s-before" report \
			"vcpus h1 3" "vcpus h2 2" "run 20" reset "run 30" "label $s-plugged" report \
			"vcpus h1 1" "vcpus h2 1" "run 20" reset "run 30" "label $s-unplugged" report \
			"hint off" "label $s-off" report
	} | sim
	{
		start $s
		# A move gives a domain the default weight of its new pool, in Xen as here; that is the administrator's then.
		printf '%s\n' "move net 1" "guest h5 hog=1 vif=0 pool=1 hint=donor" "run 2" "label $s-moved" report \
			"run 90" "label $s-settled" report "move net 0" "run 2" "hint off" "label $s-back" report
	} | sim
	{
		start $s
		printf '%s\n' "destroy net" "guest net weight=400 vif=0" "run 5" "label $s-again" report
	} | sim
done

# Credit does not balance its queues while nobody is without credit: three hogs and the guest on one pCPU take turns, whatever
# their weights, and the guest's surplus puts it on the inactive list. No weight helps there, and the law writes none.
expect "credit2: drops while hogs have more vCPUs" "$(value credit2-plugged net drop)" "<=" 0.04

for s in credit credit2; do
	expect "$s: raised" "$(value $s-before net weight)" ">" 300
	expect "$s: drops after that" "$(value $s-unplugged net drop)" "<=" "$(value $s-before net drop) + 0.02"
	for dom in h1 h2 h3 h4; do
		expect "$s: $dom at the end" "$(value $s-off $dom weight)" = 256
		expect "$s: $dom when its recipient has gone" "$(value $s-again $dom weight)" = 256
		expect "$s: $dom when its recipient has moved" "$(value $s-settled $dom weight)" = 256
	done
	expect "$s: the guest at the end" "$(value $s-off net weight)" = 300
	expect "$s: the guest in its new pool" "$(value $s-moved net weight)" = 256
	expect "$s: the guest back in the old one" "$(value $s-back net weight)" = 256
	expect "$s: a new domain of the old name" "$(value $s-again net weight)" = 400
done

plot <<END
set title 'Three more vCPUs for the hogs from 50 to 100 s'
set xlabel 's'; set ylabel 'weight'; set y2label 'share of packets dropped'; set y2tics; set y2range [0:1]
of(s, d, c) = sprintf("< awk -F '\t' '\$2 == \"%s\" { print \$1 \"\t\" \$%d }' $OUT/$name-%s.trace", d, c, s)
plot for [s in 'credit credit2'] of(s, 'net', 6) with steps lw 2 title s.' guest', \
	for [s in 'credit credit2'] of(s, 'h1', 6) with steps title s.' hog', \
	for [s in 'credit credit2'] of(s, 'net', 10) axes x1y2 with impulses title s.' drops'
END
