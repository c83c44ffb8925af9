# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# pairwise.sh: frontends.sh, and guests of all features that are on together or not, each pair of them at least once
. "$(dirname "${BASH_SOURCE[0]}")/frontends.sh"

combinations()
{
	awk -f test/pairs.awk << END
sg 1 0
gso none v4 v6
csum blank full
queues 1 2
split 1 0
headroom 0 256
hash none toeplitz
notify 1 0
staging none all
END
}

# combine NAME=VALUE...: sets $options of guest 1's driver, and $traffic that has what these features are about
combine()
{
	declare -gA has=()
	local pair
	for pair; do has[${pair%%=*}]=${pair#*=}; done
	options=(--queues "${has[queues]}")
	traffic=(--flows 4 --size 1400)
	[ "${has[sg]}" = 1 ] || options+=(--no-sg --no-gso4 --no-gso6)
	[ "${has[gso]}" = v4 ] || options+=(--no-gso4)
	[ "${has[gso]}" = v6 ] || options+=(--no-gso6)
	[ "${has[gso]}" != v6 ] || traffic+=(--ipv6)
	if [ "${has[csum]}" = full ]; then options+=(--no-csum4 --no-csum6); else traffic+=(--csum blank); fi
	[ "${has[split]}" = 1 ] || options+=(--no-split)
	[ "${has[headroom]}" = 0 ] || options+=(--headroom "${has[headroom]}")
	[ "${has[hash]}" = none ] || options+=(--hash "toeplitz:mapping=0,$((has[queues] - 1))")
	[ "${has[notify]}" = 1 ] || options+=(--no-rx-notify)
	[ "${has[staging]}" = none ] || options+=(--staging all)
	large=0
	[ "${has[sg]} ${has[csum]}" != "1 blank" ] || [ "${has[gso]}" = none ] || large=1
	count=60
	[ $large = 0 ] || traffic=(--flows 4 --size 20000 --gso 1448 "${traffic[@]:4}" --rate 50)
}

# holds NAME COMBINATION: what was agreed was used, and nothing else
holds()
{
	local wrong
	wrong=$(tail -n 1 "$tmp/$1.out" | jq -r --argjson large "$large" --argjson blank "$([ "${has[csum]}" = full ]; echo $?)" \
		--argjson split "${has[split]}" --argjson headroom "${has[headroom]}" --arg hash "${has[hash]}" --arg staging "${has[staging]}" '
		(if (.rx.gso > 0) == ($large == 1) then empty else "gso" end),
		(if (.rx.csum_blank > 0) == ($blank == 1) then empty else "csum" end),
		(if .split == $split then empty else "split" end),
		(if .rx.headroom == (if $headroom > 0 then .rx.packets else 0 end) then empty else "headroom" end),
		(if (.setup.hashed > 0) == ($hash == "toeplitz") then empty else "hash" end),
		(if (.setup.staged > 0) == ($staging == "all") and .setup.staged == .setup.unstaged then empty else "staging" end)')
	[ -z "$wrong" ] || fail "$2: not as agreed: $wrong: $(cat "$tmp/$1.out")"
	grep -q "vif1.0, ${has[queues]} queue" "$tmp/$1.log" || fail "$2: $(head -n 1 "$tmp/$1.log")"
}
