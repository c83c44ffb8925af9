/* SPDX-License-Identifier: MIT -- a histogram of latencies with a bounded relative error */
#include "histogram.h"

enum {
	SUB_BITS = 5
};

_Static_assert(HISTOGRAM_SUB == 1 << SUB_BITS, "sub-buckets");

static unsigned int index_of(uint64_t value)
{
	unsigned int shift;

	if (value < 2 * HISTOGRAM_SUB)
		return value;
	shift = 63 - __builtin_clzll(value) - SUB_BITS;
	return (shift + 1) * HISTOGRAM_SUB + (value >> shift) - HISTOGRAM_SUB;
}

/* The largest value of a bucket. */
static uint64_t value_of(unsigned int index)
{
	unsigned int shift;

	if (index < 2 * HISTOGRAM_SUB)
		return index;
	shift = index / HISTOGRAM_SUB - 1;
	return ((uint64_t)(index % HISTOGRAM_SUB + HISTOGRAM_SUB + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	if (!h->count || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count++;
	h->sum += value;
	h->bucket[index_of(value)]++;
}

uint64_t histogram_at(const struct histogram *h, unsigned int permille)
{
	uint64_t wanted = (h->count * permille + 999) / 1000, seen = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= wanted && seen)
			return value_of(i) < h->max ? value_of(i) : h->max;
	}
	return 0;
}
