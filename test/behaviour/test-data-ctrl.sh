#!/bin/bash
# SPDX-License-Identifier: MIT -- what a guest asks for by its control ring, hashes and staged buffers, is done end to end
. "$(dirname "$0")/frontends.sh"
start_frontends linux
for options in "--hash toeplitz --queues 2" "--staging all" "--staging 16 --hash toeplitz"; do
	read -ra options <<< "$options"
	back --size 1514
	header=62 back --size 1514 --ipv6 --csum blank
	header=66 back --size 30000 --gso 1448 --count 30 --rate 15
	[ "${options[*]/queues/}" != "${options[*]}" ] || there --size 1400
done
