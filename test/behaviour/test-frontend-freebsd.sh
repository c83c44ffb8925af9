#!/bin/bash
# SPDX-License-Identifier: MIT -- a frontend like FreeBSD's is served: frames both ways, down, and up again, without a fault
. "$(dirname "$0")/frontends.sh"
start_options=(--queues 4)
serve freebsd
