/* SPDX-License-Identifier: MIT */
/* totals.c: sums, differences, shares, percentiles */
#include "netback/hint/totals.h"

#include <math.h>
#include <stdbool.h>

#include "netback/common/util.h"

enum {
	RING_SLOTS = 256, /* requests of a netif ring */
};

static void add_queue(struct totals *t, const struct stats_queue *q)
{
	t->tx_packets += stats_read(&q->tx_packets);
	t->tx_bytes += stats_read(&q->tx_bytes);
	t->rx_packets += stats_read(&q->rx_packets);
	t->rx_bytes += stats_read(&q->rx_bytes);
	t->gso += stats_read(&q->tx_gso_packets) + stats_read(&q->rx_gso_packets);
	t->small += stats_read(&q->tx_small) + stats_read(&q->rx_small);
	t->large += stats_read(&q->tx_large) + stats_read(&q->rx_large);
	t->starved_ns += stats_read(&q->rx_starved_ns);
	t->looks += stats_read(&q->tx_looks);
	t->depth += stats_read(&q->tx_depth);
	t->expired += stats_read(&q->drop_rx_expired);
	for (unsigned int i = 0; i < STATS_KICK_BUCKETS; i++)
		t->kick[i] += stats_read(&q->kick[i]);
}

void totals_add(struct totals *t, const struct stats_vif *stats)
{
	t->nr_vifs++;
	t->nr_queues += stats->nr_queues;
	/* Queues of an earlier connect keep what they counted, which keeps sums from going back. */
	for (unsigned int i = 0; i < STATS_MAX_QUEUES; i++)
		add_queue(t, &stats->queue[i]);
}

static double share(uint64_t part, uint64_t all)
{
	return all ? fmin(1, (double)part / (double)all) : 0;
}

/* The value, us, below which `want` of the samples lie; evenly within a bucket. */
static double percentile(const uint64_t kick[STATS_KICK_BUCKETS], uint64_t all, double want)
{
	double left = want * (double)all, low = 0, high = 1 << STATS_KICK_SHIFT;

	for (unsigned int i = 0; i < STATS_KICK_BUCKETS; i++) {
		if (left <= (double)kick[i])
			return low + (high - low) * (kick[i] ? left / (double)kick[i] : 1);
		left -= (double)kick[i];
		low = high;
		high *= 2;
	}
	return low;
}

static void kick_figures(const struct totals *a, const struct totals *b, struct figures *f)
{
	uint64_t kick[STATS_KICK_BUCKETS], all = 0;

	for (unsigned int i = 0; i < STATS_KICK_BUCKETS; i++)
		all += kick[i] = b->kick[i] - a->kick[i];
	if (all < TOTALS_MIN_KICKS)
		return;
	f->known |= FIGURES_KICK;
	f->kick_p50 = percentile(kick, all, 0.5);
	f->kick_p99 = percentile(kick, all, 0.99);
}

static bool went_back(const struct totals *a, const struct totals *b)
{
	return b->nr_vifs != a->nr_vifs || b->tx_packets < a->tx_packets ||
	       b->rx_packets < a->rx_packets || b->tx_bytes < a->tx_bytes ||
	       b->rx_bytes < a->rx_bytes || b->starved_ns < a->starved_ns ||
	       b->port_drops < a->port_drops || b->kick[0] < a->kick[0];
}

void totals_figures(const struct totals *before, const struct totals *after, double seconds,
		    struct figures *f)
{
	const struct totals *a = before, *b = after;
	uint64_t rx = b->rx_packets - a->rx_packets, tx = b->tx_packets - a->tx_packets;
	uint64_t lost = b->port_drops - a->port_drops + b->expired - a->expired;

	if (b->nr_vifs == 0 || went_back(a, b) || seconds <= 0)
		return;
	f->known |= FIGURES_TRAFFIC | FIGURES_STARVED;
	f->rx_packets = (double)rx / seconds;
	f->tx_packets = (double)tx / seconds;
	f->bytes = (double)(b->rx_bytes - a->rx_bytes + b->tx_bytes - a->tx_bytes) / seconds;
	f->gso = share(b->gso - a->gso, rx + tx);
	f->drops = share(lost, rx + lost);
	f->starved = fmin(1, (double)(b->starved_ns - a->starved_ns) / 1e9 / seconds /
				     max(b->nr_queues, 1u));
	if (rx + tx) {
		f->known |= FIGURES_SIZES;
		f->small = share(b->small - a->small, rx + tx);
		f->large = share(b->large - a->large, rx + tx);
	}
	if (b->looks > a->looks) {
		f->known |= FIGURES_OCCUPANCY;
		f->occupancy = share(b->depth - a->depth, (b->looks - a->looks) * RING_SLOTS);
	}
	kick_figures(a, b, f);
	if (a->cpu_ns && b->cpu_ns >= a->cpu_ns) {
		f->known |= FIGURES_NETBACK;
		f->netback = (double)(b->cpu_ns - a->cpu_ns) / 1e9 / seconds;
	}
}
