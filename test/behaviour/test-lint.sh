#!/bin/sh
# SPDX-License-Identifier: MIT -- each own rule of tools/lint is silent about good code and finds what it is there for
set -eu
cd "$(dirname "$0")/../.."
for program in git ctags; do
	command -v "$program" > /dev/null || { echo "needs $program"; exit 77; }
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

mkdir -p "$tmp/tools" "$tmp/netback/engine" "$tmp/netback/control" "$tmp/netback/common" "$tmp/test/behaviour"
cp tools/lint "$tmp/tools/lint"
cd "$tmp"
git init -q .
git config user.name lint
git config user.email lint@localhost
printf '/* SPDX-License-Identifier: MIT */\n\tD(tx_lost, "why")\n' > netback/common/stats.h

# seed RULE FILE TEXT: the rule says nothing about a FILE with only comments and strings, but something with TEXT.
seed() {
	printf '/* SPDX-License-Identifier: MIT\n malloc(1); assert(0); */\nconst char *s = "xs_read(1)";\n' > "$2"
	git add -A
	tools/lint "$1" || { echo "$1 complains about good code"; exit 1; }
	printf '%b\n' "$3" >> "$2"
	if tools/lint "$1" > out 2>&1 || ! grep -q "^$2:[0-9]*: $1: " out; then
		cat out
		echo "$1 does not see: $3"
		exit 1
	fi
	rm "$2"
}
seed packet_path netback/engine/tx.c 'void *f(void) { return malloc(1); }'
seed packet_path netback/engine/rx.c '\twarn("bad");'
seed packet_path netback/engine/copy.c '\tpthread_mutex_lock(&m);'
seed no_abort netback/engine/ctrl.c '\tassert(n < 9);'
seed arrows netback/engine/tx.c '#include "netback/control/vif.h"'
seed arrows netback/engine/ring.h '#include <pthread.h>'
seed doors netback/control/vif.c '\txs_write(h, 0, p, v, n);'
seed doors netback/engine/tx.c '\txengnttab_map_grant_ref(x, 1, 2, 3);'
seed doors netback/engine/copy.c '\txengntshr_close(h);'
seed function_size netback/engine/tx.c "int f(void)\n{\n$(yes '\tg();' | head -n 90)\n}"
seed file_size netback/engine/tx.c "$(yes '\tg();' | head -n 600)"
seed words netback/engine/tx.c "/* TO""DO: finish */"

tools/lint untested > out 2>&1 && { echo "untested: a drop reason without label and test passes"; exit 1; }
printf '/* SPDX-License-Identifier: MIT */\ndrop_tx_lost:\n' > netback/engine/tx.c
printf '# SPDX-License-Identifier: MIT\n# drop_tx_lost\n' > test/behaviour/test-lost.sh
git add -A
tools/lint untested head
git commit -q -m 'tx: count what is lost' && tools/lint commits
git commit -q --allow-empty -m 'Fixed it.'
tools/lint commits > out 2>&1 && { echo "commits: \"Fixed it.\" passes"; exit 1; }
exit 0
