#!/bin/bash
# SPDX-License-Identifier: MIT -- a frontend like OpenBSD's is served: frames both ways, down, and up again, without a fault
. "$(dirname "$0")/frontends.sh"
serve openbsd
