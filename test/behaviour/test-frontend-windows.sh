#!/bin/bash
# SPDX-License-Identifier: MIT -- a frontend like xenvif's is served: frames both ways, down, and up again, without a fault
. "$(dirname "$0")/frontends.sh"
start_options=(--queues 2 --hash "toeplitz:mapping=0,1" --mcast dynamic)
serve windows
count=1200 there --size 60 --rate 2000 # ids beyond 0x3ff, and round again
