/* SPDX-License-Identifier: MIT -- what a backend can do wrong, by name, counted and said aloud */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	PRINTED_PER_KIND = 3
};

static const char *const names[] = {
#define F(name, text) [NF_FAULT_##name] = text,
	NF_FAULTS(F)
#undef F
};

_Static_assert(sizeof(names) / sizeof(names[0]) == NF_FAULT_COUNT, "a name per fault");

const char *fault_name(enum nf_fault kind)
{
	return names[kind];
}

void fault_raise(struct nf_faults *f, enum nf_fault kind, const char *format, ...)
{
	va_list ap;

	if (f->count[kind]++ >= PRINTED_PER_KIND || f->quiet)
		return;
	fprintf(stderr, "netfront-shim: FAULT %s: ", names[kind]);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

uint64_t fault_total(const struct nf_faults *f)
{
	uint64_t total = 0;

	for (int i = 0; i < NF_FAULT_COUNT; i++)
		total += f->count[i];
	return total;
}
