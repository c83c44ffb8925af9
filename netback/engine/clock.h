/* SPDX-License-Identifier: MIT */
/* clock.h: the one clock of the engine */
#ifndef NETBACK_ENGINE_CLOCK_H
#define NETBACK_ENGINE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* ns of CLOCK_MONOTONIC: the same for all processes, and no system call where the host has a vDSO. */
static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
