#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian's own xenstore tools work against the fake store, in two processes.
set -e
bin=${BUILD:-build}/fakexen
command -v xenstore-read > /dev/null || { echo "needs xenstore-utils"; exit 77; }
tmp=$(mktemp -d)
watcher=
trap '${watcher:+kill $watcher} 2> /dev/null; "$bin/fakexen" destroy "$tmp/m"; rm -rf "$tmp"' EXIT

eval "$("$bin/fakexen" create "$tmp/m")"
"$bin/fakexen" domain "$tmp/m" 3 guest
fail() { echo "FAIL: $*"; exit 1; }
as_guest() { XENSTORED_PATH="$tmp/m/xenstored-3.sock" "$@"; }

# two keys in one write, read back; -n: no newline at the end
xenstore-write /test/a 1 /test/b two
test "$(xenstore-read /test/b)" = two || fail read
test "$(xenstore-list /test | tr '\n' ' ')" = "a b " || fail list
xenstore-exists /test/c && fail "exists what is not there"

# a watch fires when it is set, then for the node and for what is below it
xenstore-watch -n 3 /test/w > "$tmp/events" &
watcher=$!
until test -s "$tmp/events"; do sleep 0.01; done
xenstore-write /test/w/below x
xenstore-rm /test/w
wait $watcher || fail "xenstore-watch"
watcher=
printf '/test/w\n/test/w/below\n/test/w\n' | diff - "$tmp/events" || fail "events"

# what a guest may do: its own, relative, and nothing else
as_guest xenstore-write data/mine yes
test "$(xenstore-read /local/domain/3/data/mine)" = yes || fail "guest's write"
test "$(as_guest xenstore-read domid)" = 3 || fail "guest reads its domid"
as_guest xenstore-write name evil 2> /dev/null && fail "guest renamed itself"
as_guest xenstore-read /test/a 2> /dev/null && fail "guest read dom0's key"
xenstore-chmod /test/a n0 r3
test "$(as_guest xenstore-read /test/a)" = 1 || fail "guest reads what is shared"
as_guest xenstore-write /test/a 2 2> /dev/null && fail "guest wrote what it may read"

# more names than fit a reply (directory_part), and a domain that goes
for i in $(seq 400); do echo "/big/a-rather-long-name-$i v"; done | xargs xenstore-write
test "$(xenstore-list /big | wc -l)" = 400 || fail "long directory"
"$bin/fakexen" kill-domain "$tmp/m" 3
test -e "$tmp/m/xenstored-3.sock" && fail "the dead guest's socket is still there"
echo "PASS"
