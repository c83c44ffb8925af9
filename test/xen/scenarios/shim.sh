# shellcheck shell=bash
# SPDX-License-Identifier: MIT - netfront-shim in two real guests, through /dev/xen/gntalloc: generate, echo, sink and tap
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

# It finds faults that Linux' netfront does not look for, and any makes its exit status 4.
mac2=00:16:3e:00:02:00

backend_start
guest_start g1 pv
guest_start g2 pv
guest_wait g1
guest_wait g2
check "g1's kernel gives up the vif" shim_prepare g1
check "g2's kernel gives up the vif" shim_prepare g2

# What is generated comes back from the other guest, and is looked at there and here.
check "an echo in g2" shim_start g2 --guard echo
for kind in "--size 60" "--size 1514" "--slots 14,100,1400" "--offset 3000 --size 1400" \
	"--size 1000 --csum blank" "--size 20000 --gso 1448" "--size 20000 --gso 1428 --ipv6"; do
	check "$kind: all come back" shim_run g1 generate --dst-mac $mac2 --delay 500 --count 200 --rate 100 \
		--linger 2000 "$kind"
done
check "the echo has seen no fault" shim_end g2 echoed '>=' 1400

check "a sink in g2" shim_start g2 --fresh-grants sink --count 300 --duration 60 --strict
check "frames for it" shim_run g1 --fresh-grants generate --dst-mac $mac2 --delay 500 --count 300 --rate 100
check "the sink has them all" shim_end g2

for options in "" "--queues 1 --no-sg --no-split" "--profile freebsd"; do
	# shellcheck disable=SC2086 # a list of words
	check "a tap in g1 ($options)" shim_tap g1 $options
	check "ping loses nothing ($options)" ping4 g1 5
	file_make 2
	check "a file to the guest keeps its hash ($options)" file_to_guest g1
	file_put g1
	check "a file from the guest keeps its hash ($options)" file_from_guest g1
	check "no fault ($options)" shim_end g1
done
check "the kernel takes it again" guest_run g1 "modprobe xen-netfront && guest-network"
check "ping loses nothing" ping4 g1 5
