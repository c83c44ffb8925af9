# SPDX-License-Identifier: MIT
# Second half of xs-check: the table of schema.awk first, then lines of "xenstore-ls -f"

BEGIN {
	FS = "\t"
	file["BE"] = "vif-backend.keys"
	file["FE"] = "vif-frontend.keys"
	file["QUEUE"] = "vif-queue.keys"
}

function complain(dir, path, text)
{
	printf "%s: %s: %s\n", file[dir], path, text
	found = 1
}

# --- the schema ---

FNR == NR {
	if ($3 ~ /\*$/) {
		family[$2, ++families[$2]] = substr($3, 1, length($3) - 1)
		next
	}
	type[$2, $3] = $4
	min[$2, $3] = $5
	max[$2, $3] = $6
	if ($7 == "refuse")
		must[$2] = must[$2] " " $3
	next
}

# --- values ---

# Numbers of up to 20 digits are beyond awk's: compare their texts.
function at_most(text, limit)
{
	if (length(text) != length(limit))
		return length(text) < length(limit)
	return (text "x") <= (limit "x")
}

function is_number(text, low, high)
{
	return text ~ /^(0|[1-9][0-9]*)$/ && at_most(text, high) && at_most(low, text)
}

function is_rate(text,	part)
{
	return split(text, part, ",") == 2 && is_number(part[1], "1", "18446744073709551615") &&
	       is_number(part[2], "1", "4294967295")
}

# xenstore-ls writes what is no plain text with a backslash; \xNN from 80 on is UTF-8.
function has_control(text)
{
	gsub(/\\\\/, "", text)
	gsub(/\\x[89a-f][0-9a-f]/, "", text)
	return index(text, "\\") > 0
}

function is_good(k, text,	kind, hex, mac)
{
	kind = type[k]
	if (kind == "BOOL" || kind == "UINT" || kind == "STATE")
		return is_number(text, min[k], max[k])
	if (kind == "RATE")
		return is_rate(text)
	if (kind == "MAC") {
		hex = "[0-9A-Fa-f]"
		mac = "^" hex "[02468aceACE]:" hex hex ":" hex hex ":" hex hex ":" hex hex ":" hex hex "$"
		return text ~ mac && text != "00:00:00:00:00:00"
	}
	if (has_control(text) || length(text) < min[k] + 0 || length(text) > max[k] + 0)
		return 0
	if (kind == "PATH")
		return text ~ /^\/[-\/_@A-Za-z0-9]*[^\/]$/ && text !~ /\/\/|[^-\/_@A-Za-z0-9]/
	return kind != "FILE" || (text ~ /^\// && (text "/") !~ /\/\.\.\//)
}

# --- one line of the store ---

function in_family(dir, name,	i)
{
	for (i = 1; i <= families[dir]; i++)
		if (index(name, family[dir, i]) == 1)
			return 1
	return 0
}

function take(dir, where, name, text)
{
	have[where] = dir
	value[where, name] = text
	# With one queue its keys stand in the frontend directory.
	if (dir == "FE" && ("QUEUE", name) in type)
		dir = "QUEUE"
	if (dir == "FE" && name ~ /^queue-[0-9]+$/)
		return
	if (!((dir, name) in type)) {
		if (!in_family(dir, name))
			complain(dir, where "/" name, "unknown key")
	} else if (!is_good(dir SUBSEP name, text)) {
		complain(dir, where "/" name, "\"" text "\" is not a good value")
	}
}

{
	split_at = index($0, " = \"")
	if (split_at == 0)
		next
	path = substr($0, 1, split_at - 1)
	text = substr($0, split_at + 4)
	sub(/"[^"]*$/, "", text)
	name = path
	sub(/.*\//, "", name)
	where = substr(path, 1, length(path) - length(name) - 1)

	if (where ~ /^\/local\/domain\/[0-9]+\/backend\/vif\/[0-9]+\/[0-9]+$/)
		take("BE", where, name, text)
	else if (where ~ /^\/local\/domain\/[0-9]+\/device\/vif\/[0-9]+$/)
		take("FE", where, name, text)
	else if (where ~ /^\/local\/domain\/[0-9]+\/device\/vif\/[0-9]+\/queue-[0-9]+$/)
		take("QUEUE", where, name, text)
}

# --- each vif as a whole ---

function need(dir, where,	name, count, i)
{
	count = split(must[dir], name, " ")
	for (i = 1; i <= count; i++)
		if (!((where, name[i]) in value))
			complain(dir, where "/" name[i], "missing, and it must be there")
}

function check_queue(where)
{
	need("QUEUE", where)
	if ((where, "event-channel") in value)
		return
	if (!((where, "event-channel-tx") in value) || !((where, "event-channel-rx") in value))
		complain("QUEUE", where "/event-channel", "missing, and the two split ones are not there")
}

function check_connected(fe, be,	queues, most, q)
{
	queues = (fe, "multi-queue-num-queues") in value ? value[fe, "multi-queue-num-queues"] : 1
	most = (be, "multi-queue-max-queues") in value ? value[be, "multi-queue-max-queues"] : 1
	if (queues + 0 > most + 0)
		complain("FE", fe "/multi-queue-num-queues", queues " queues, but the backend offers " most)
	else if (queues == 1)
		check_queue(fe)
	else
		for (q = 0; q < queues; q++)
			check_queue(fe "/queue-" q)

	if (((fe, "ctrl-ring-ref") in value) != ((fe, "event-channel-ctrl") in value))
		complain("FE", fe "/ctrl-ring-ref", "a control ring needs this and event-channel-ctrl")
}

function check_vif(be,	part, count, home, fe)
{
	need("BE", be)
	count = split(be, part, "/")
	if (((be, "frontend-id") in value) && value[be, "frontend-id"] != part[count - 1])
		complain("BE", be "/frontend-id", "is not the domain in the path")
	if (!((be, "frontend") in value))
		return

	fe = value[be, "frontend"]
	home = "/local/domain/" part[count - 1] "/"
	if (index(fe, home) != 1)
		complain("BE", be "/frontend", "\"" fe "\" is not below " home)
	else if (!(fe in have))
		complain("FE", fe, "the directory is missing")
	else {
		need("FE", fe)
		if (value[fe, "state"] == 3 || value[fe, "state"] == 4)
			check_connected(fe, be)
	}
}

END {
	for (where in have)
		if (have[where] == "BE")
			check_vif(where)
	exit found + 0
}
