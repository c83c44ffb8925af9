/* SPDX-License-Identifier: MIT */
/* vlan-spec.c: a grammar of three kinds of terms */
#include "vlan-spec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	VLAN_FIRST = 1,
	VLAN_LAST = 4094,
};

/* What a term says: count VLANs from first on, step apart. */
struct term {
	unsigned int first, step, count;
	bool pvid, untagged;
};

/* At most four digits and no leading zero; *at moves behind them. */
static bool take_number(const char **at, unsigned int *out)
{
	size_t len = strspn(*at, "0123456789");

	if (len < 1 || len > 4 || **at == '0')
		return false;
	for (*out = 0; len; len--)
		*out = *out * 10 + (unsigned int)(*(*at)++ - '0');
	return true;
}

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* "-120" or "+10x4" after the first number. */
static bool take_range(const char **at, struct term *term)
{
	unsigned int n;

	if (take_char(at, '-')) {
		if (!take_number(at, &n) || n < term->first)
			return false;
		term->count = n - term->first + 1;
		return true;
	}
	if (take_char(at, '+')) {
		if (!take_number(at, &term->step) || !take_char(at, 'x') || !take_number(at, &n))
			return false;
		term->count = n + 1;
	}
	return true;
}

static bool take_term(const char **at, struct term *term)
{
	unsigned int last;

	*term = (struct term){.step = 1, .count = 1};
	if (!take_number(at, &term->first) || !take_range(at, term))
		return false;
	last = term->first + (term->count - 1) * term->step;
	if (term->first < VLAN_FIRST || last > VLAN_LAST)
		return false;

	term->pvid = term->count == 1 && take_char(at, 'p');
	term->untagged = term->pvid || take_char(at, 'u');
	return **at == '\0' || **at == '/';
}

static void set_bit(uint8_t *bits, unsigned int n)
{
	bits[n / 8] |= (uint8_t)(1u << n % 8);
}

static void add_term(struct link_vlan *vlan, const struct term *term)
{
	for (unsigned int i = 0, id = term->first; i < term->count; i++, id += term->step) {
		set_bit(vlan->member, id);
		if (term->untagged)
			set_bit(vlan->untagged, id);
	}
	if (term->pvid)
		vlan->pvid = (uint16_t)term->first;
}

static int refuse(struct link_vlan *out, char *why, size_t size, const char *what, const char *at)
{
	*out = (struct link_vlan){0};
	snprintf(why, size, "vlan: %s \"%.64s\"", what, at);
	return -EINVAL;
}

int vlan_spec_parse(const char *text, struct link_vlan *out, char *why, size_t size)
{
	const char *at = text;
	struct term term;

	*out = (struct link_vlan){.filter = true};
	do {
		if (!take_term(&at, &term))
			return refuse(out, why, size, "not understood from here on:", at);
		if (term.pvid && out->pvid)
			return refuse(out, why, size, "two PVIDs in", text);
		/* One number alone is an access port. */
		if (at[0] == '\0' && strspn(text, "0123456789") == strlen(text))
			term.pvid = term.untagged = true;
		add_term(out, &term);
	} while (take_char(&at, '/'));
	return 0;
}
