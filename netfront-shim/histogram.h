/* SPDX-License-Identifier: MIT -- a histogram of latencies with a bounded relative error */
#ifndef SHIM_HISTOGRAM_H
#define SHIM_HISTOGRAM_H

#include <stdint.h>

/*
 * Log-linear: 32 buckets per power of two, so a percentile is at most 3 % off.
 * (Debian 12 has no package of HdrHistogram for C.) Any unit; here nanoseconds.
 */
enum {
	HISTOGRAM_SUB = 32,
	HISTOGRAM_BUCKETS = 60 * HISTOGRAM_SUB,
};

struct histogram {
	uint64_t count, sum, min, max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);

/* The value that so many per mille (500: the median) do not exceed; 0 when empty. */
uint64_t histogram_at(const struct histogram *h, unsigned int permille);

#endif
