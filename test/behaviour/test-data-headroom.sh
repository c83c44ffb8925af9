#!/bin/bash
# SPDX-License-Identifier: MIT -- room before the data as Linux' XDP asks for it, at connection or later: frames of any size arrive whole
. "$(dirname "$0")/frontends.sh"
start_frontends linux
for options in "--headroom 256:late" "--headroom 256" "--headroom 1024:late --no-gso4" "--headroom 300:late --no-split"; do
	read -ra options <<< "$options"
	there --size 1514
	back --size 1514
	header=66 back --size 9000 --gso 1448 --count 30 --rate 15
done
