#!/usr/bin/awk -f
# SPDX-License-Identifier: MIT
# Turn the *.keys files into C, a manual page or a table; format: README.md
#
#	awk -f schema.awk -v out=h|c|man|table *.keys
#
# h      enum xs_key and the patterns of the directories
# c      xs_keys[], what keyval.c knows of each key
# man    netback-xenstore.7
# table  one line a key, fields parted by tabs, for shell scripts:
#	 ID DIR NAME TYPE MIN MAX MISSING BAD WRITER READER
#
# POSIX awk; mawk and gawk are tested.

function die(text)
{
	printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"
	failed = 1
	exit 1
}

function c_name(s)
{
	gsub(/[^A-Za-z0-9]/, "_", s)
	return toupper(s)
}

function lookup(map, word, what)
{
	if (!((what, word) in map))
		die(what " \"" word "\" is not known")
	return map[what, word]
}

# Set the type and the bounds of key n from "WORD" or "WORD(min..max)".
function read_type(n, spec,	word, range, ends)
{
	word = spec
	sub(/\(.*/, "", word)
	type[n] = lookup(words, word, "type")
	type_text[n] = spec
	if (word in fixed_range)
		range = fixed_range[word]
	else if (match(spec, /\([0-9]+\.\.[0-9]+\)$/))
		range = substr(spec, RSTART + 1, RLENGTH - 2)
	else
		die("type " word " needs its bounds, as in " word "(0..9)")
	split(range, ends, /\.\./)
	min[n] = ends[1]
	max[n] = ends[2]
	if (min[n] + 0 > max[n] + 0)
		die("bounds of " name[n] " are the wrong way round")
}

function read_missing(n, value)
{
	missing_text[n] = value
	def[n] = 0
	if (value == "refuse" || value == "none") {
		missing[n] = value == "none" ? "IGNORE" : "REFUSE"
		return
	}
	missing[n] = "DEFAULT"
	if (value == "unlimited" && type[n] == "RATE")
		return
	if (value !~ /^[0-9]+$/ || value + 0 < min[n] + 0 || value + 0 > max[n] + 0)
		die("default of " name[n] " is not within its bounds")
	def[n] = value
}

function read_bad(n, value)
{
	bad[n] = lookup(words, value, "rule")
	if ((bad[n] == "DEFAULT") != (missing[n] == "DEFAULT") && bad[n] != "REFUSE")
		die(name[n] ": bad=" value " does not go with missing=" missing_text[n])
}

function check_parties(list,	part, count, i)
{
	count = split(list, part, /,/)
	for (i = 1; i <= count; i++)
		lookup(words, part[i], "party")
	return list
}

function read_tags(n, tags,	part, count, i, word, value)
{
	gsub(/^\[|\]$/, "", tags)
	count = split(tags, part, / +/)
	for (i = 1; i <= count; i++) {
		word = part[i]
		value = ""
		if (match(part[i], /=/)) {
			word = substr(part[i], 1, RSTART - 1)
			value = substr(part[i], RSTART + 1)
		}
		if (word == "writer")
			writer[n] = check_parties(value)
		else if (word == "reader")
			reader[n] = check_parties(value)
		else if (word == "read")
			when[n] = lookup(words, value, "state")
		else if (word == "missing")
			read_missing(n, value)
		else if (word == "bad")
			read_bad(n, value)
		else if (word == "id")
			id[n] = "XSK_" prefix[dir] "_" value
		else if (word == "unused")
			unused[n] = 1
		else
			die("tag \"" part[i] "\" is not known")
	}
	if (writer[n] == "" || reader[n] == "" || when[n] == "" || bad[n] == "")
		die(name[n] " needs writer=, reader=, read=, missing= and bad=")
}

function read_key(line,	n, rest)
{
	if (dir == "")
		die("a key before the first dir")
	n = keys++
	name[n] = line
	sub(/ = .*/, "", name[n])
	rest = substr(line, length(name[n]) + 4)
	key_dir[n] = dir
	wild[n] = name[n] ~ /\*/
	id[n] = "XSK_" prefix[dir] "_" c_name(name[n])
	read_type(n, substr(rest, 1, index(rest, " [") - 1))
	read_tags(n, substr(rest, index(rest, " [") + 1))
	if (id[n] in seen)
		die(name[n] " has been described before")
	seen[id[n]] = 1
}

BEGIN {
	split("BOOLEAN:BOOL INTEGER:UINT GNTREF:UINT EVTCHN:UINT STATE:STATE " \
	      "MAC_ADDRESS:MAC PATH:PATH FILE:FILE STRING:STRING RATE:RATE", list, " ")
	for (i in list) {
		split(list[i], pair, ":")
		words["type", pair[1]] = pair[2]
	}
	fixed_range["BOOLEAN"] = "0..1"
	fixed_range["STATE"] = "0..8"
	# Xen keeps reference 0 for the guest's console and ~0 says "none".
	fixed_range["GNTREF"] = "1..4294967294"
	# Port 0 is never valid; the FIFO ABI ends at 2^17 ports.
	fixed_range["EVTCHN"] = "1..131071"
	fixed_range["MAC_ADDRESS"] = "17..17"
	fixed_range["PATH"] = "2..1023"
	fixed_range["FILE"] = "2..1023"
	fixed_range["RATE"] = "3..31"

	words["rule", "default"] = "DEFAULT"
	words["rule", "ignore"] = "IGNORE"
	words["rule", "refuse"] = "REFUSE"

	split("toolstack backend frontend script none", list, " ")
	for (i in list)
		words["party", list[i]] = list[i]

	split("Initialising InitWait Connected any never", list, " ")
	for (i in list)
		words["state", list[i]] = list[i]
}

/^#/ || /^[ \t]*$/ {
	next
}

/^dir / {
	dir = $2
	dirs[dir_count++] = dir
	pattern[dir] = $3
	prefix[dir] = NF > 3 ? $4 : dir
	next
}

/^[^ \t]+ = .+ \[.*\]$/ {
	read_key($0)
	next
}

/^\t/ && keys > 0 {
	text[keys - 1] = text[keys - 1] substr($0, 2) "\n"
	next
}

{
	die("neither a dir, a key nor a text")
}

function print_h(	n)
{
	print "/* SPDX-License-Identifier: MIT -- names of the xenstore keys of a vif; made by schema.awk */"
	print "#ifndef XS_KEYS_H\n#define XS_KEYS_H\n"
	print "enum xs_dir {"
	for (n = 0; n < dir_count; n++)
		printf "\tXS_DIR_%s, /* %s */\n", dirs[n], pattern[dirs[n]]
	print "\tXS_DIR_COUNT\n};\n\nenum xs_key {"
	for (n = 0; n < keys; n++)
		if (!wild[n])
			printf "\t%s, /* %s */\n", id[n], type_text[n]
	print "\tXSK_COUNT\n};\n\n#endif"
}

function party_bits(list)
{
	gsub(/,/, " | XS_PARTY_", list)
	return toupper("XS_PARTY_" list)
}

function print_c(	n)
{
	print "/* SPDX-License-Identifier: MIT -- rules of the xenstore keys of a vif; made by schema.awk */"
	print "#include \"xenstore-schemas/keyval.h\"\n"
	print "const char *const xs_dirs[XS_DIR_COUNT] = {"
	for (n = 0; n < dir_count; n++)
		printf "\t[XS_DIR_%s] = \"%s\",\n", dirs[n], pattern[dirs[n]]
	print "};\n\nconst struct xs_key_def xs_keys[XSK_COUNT] = {"
	for (n = 0; n < keys; n++)
		if (!wild[n])
			print_c_key(n)
	print "};"
}

function print_c_key(n)
{
	printf "\t[%s] = {\n", id[n]
	printf "\t\t.name = \"%s\", .dir = XS_DIR_%s,\n", name[n], key_dir[n]
	printf "\t\t.type = XS_TYPE_%s, .min = %sU, .max = %sU, .def = %sU,\n", \
	       type[n], min[n], max[n], def[n]
	printf "\t\t.missing = XS_RULE_%s, .bad = XS_RULE_%s,\n", missing[n], bad[n]
	printf "\t\t.writer = %s,\n\t\t.reader = %s,\n", party_bits(writer[n]), party_bits(reader[n])
	printf "\t\t.read = XS_READ_%s, .unused = %s,\n\t},\n", \
	       toupper(when[n]), unused[n] ? "true" : "false"
}

function print_table(	n)
{
	for (n = 0; n < keys; n++)
		printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", id[n], key_dir[n], name[n], \
		       type[n], min[n], max[n], missing_text[n], tolower(bad[n]), writer[n], reader[n]
}

function words_of(list)
{
	if (list == "none")
		return "nobody"
	gsub(/,/, ", ", list)
	return list
}

function print_man(	n, d)
{
	print ".\\\" SPDX-License-Identifier: MIT"
	print ".\\\" Made by xenstore-schemas/schema.awk: edit the .keys files instead."
	print ".Dd November 22, 2026\n.Dt NETBACK-XENSTORE 7\n.Os"
	print ".Sh NAME\n.Nm netback-xenstore\n.Nd xenstore keys of a virtual network interface"
	print ".Sh DESCRIPTION"
	print "Toolstack, backend and frontend of a vif speak to each other through"
	print "xenstore before they share a ring."
	print "This page lists every key that\n.Xr netbackd 8\nreads or writes,"
	print "and those it knows and leaves alone,\nwhich are marked"
	print ".Dq unused ."
	print "Directories are written with\n.Li $BACKEND"
	print "for the number of the backend's domain,\n.Li $DOMID\nfor that of the guest,"
	print ".Li $DEVID\nfor the device and\n.Li $QUEUE\nfor the queue."
	print_man_rules()
	for (d = 0; d < dir_count; d++) {
		printf ".Sh KEYS OF %s\n.Bl -tag -width Ds\n", pattern[dirs[d]]
		for (n = 0; n < keys; n++)
			if (key_dir[n] == dirs[d])
				print_man_key(n)
		print ".El"
	}
	print ".Sh SEE ALSO\n.Xr xl.cfg 5 ,\n.Xr netbackctl 8 ,\n.Xr netbackd 8"
	print ".Pp\n.Pa xen/include/public/io/netif.h\nand\n.Pa docs/misc/xenstore-paths.pandoc"
	print "of Xen."
}

function print_man_rules()
{
	print ".Ss Values"
	print "Values are text."
	print "A number is decimal digits and nothing else: no sign, blank, newline,"
	print "leading zero or NUL, and within its bounds."
	print "The bounds of a string are lengths in bytes; it holds no control characters."
	print ".Ss A key that is missing"
	print "has its default, or counts as absent\n.Pq Dq none ,"
	print "or, where it must be there, the vif is refused."
	print ".Ss A value that is bad"
	print "counts as missing and leaves a line in the log\n.Po\n.Dq default ,\n.Dq ignore\n.Pc ;"
	print "or the vif is refused: the reason is written to the\n.Cm error"
	print "key and the backend goes to state 5."
}

function print_man_key(n)
{
	printf ".It Cm %s No = %s%s\n", name[n], type_text[n], unused[n] ? " Pq unused" : ""
	printf "%s", text[n]
	printf ".br\nWritten by: %s; read by: %s", words_of(writer[n]), words_of(reader[n])
	if (when[n] != "never")
		printf "%s", when[n] == "any" ? " in any backend state" : " in backend state " when[n]
	printf ".\nMissing: %s; bad: %s.\n", missing_text[n], tolower(bad[n])
}

END {
	if (failed)
		exit 1
	if (out == "h")
		print_h()
	else if (out == "c")
		print_c()
	else if (out == "man")
		print_man()
	else if (out == "table")
		print_table()
	else {
		print "schema.awk: out= must be h, c, man or table" > "/dev/stderr"
		exit 1
	}
}
