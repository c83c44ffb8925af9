/* SPDX-License-Identifier: MIT */
/* random.h: numbers by chance, the same ones for the same seed */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <math.h>
#include <stdint.h>

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). Any seed will do. */
struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Above 0, up to 1. */
static inline double random_unit(struct random *random)
{
	return ((random_next(random) >> 11) + 1) * 0x1p-53;
}

/* Exponentially distributed: the time between arrivals of a Poisson process. */
static inline int64_t random_exp(struct random *random, double mean)
{
	return (int64_t)(-log(random_unit(random)) * mean);
}

#endif
