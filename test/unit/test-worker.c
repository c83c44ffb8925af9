/* SPDX-License-Identifier: MIT */
/* test-worker.c: what a worker hears, of the main thread and of its event channels */
#include <poll.h>
#include <sys/eventfd.h>

#include "test/unit/queue-fixture.h"

/* --- calls ------------------------------------------------------------------------------------------------- */

enum {
	CALLS = 50,
};

struct calls {
	struct guest *g;
	unsigned int nr;
	uint64_t sleeps[CALLS];
};

/* Leaves work for the next round, and the next call to be heard in it, as a busy guest and main would. */
static int next_call(struct worker *in, void *arg)
{
	struct calls *calls = arg;
	netif_tx_sring_t *tx = calls->g->tx;

	calls->sleeps[calls->nr++] = in->io.nr_sleeps;
	tx->ring[tx->req_prod % RING_SLOTS].req =
		(netif_tx_request_t){.gref = calls->g->data_ref, .size = 60};
	__atomic_store_n(&tx->req_prod, tx->req_prod + 1, __ATOMIC_RELEASE);
	if (calls->nr < CALLS)
		eventfd_write(in->call_fd, 1);
	return 0;
}

/* A worker that never sleeps hears each call, whether its packets come to the port or are dropped. */
START_TEST(test_calls_while_busy)
{
	struct calls calls = {.g = &guests[0]};

	open_guest(calls.g);
	if (_i)
		calls.g->data_ref = 30000; /* no grant: nothing for the port */
	w->call_fn = next_call;
	w->call_arg = &calls;
	eventfd_write(w->call_fd, 1);
	for (unsigned int i = 0; i < CALLS; i++)
		sem_wait(&w->call_done);
	ck_assert_uint_eq(calls.sleeps[CALLS - 1], calls.sleeps[0]);
	close_guest(calls.g);
}
END_TEST

/* --- event channels ------------------------------------------------------------------------------------ */

static int replace_device_call(struct worker *in, void *arg)
{
	iobatch_unwatch(&in->io, &in->events);
	in->events.fd = *(int *)arg;
	return 0;
}

/*
 * The kernel's ring of events keeps those of a port that was unbound, and the number may be bound again
 * before they are read: a port can be read twice while it is masked. It is unmasked once.
 */
START_TEST(test_port_is_read_twice)
{
	struct guest *g = &guests[0];
	uint32_t ports[8];
	int pair[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	open_guest(g);
	expect_sleep("opened");
	worker_call(w, replace_device_call, &pair[0]);
	ports[0] = ports[1] = ports[2] = g->q.tx_port;
	ck_assert_int_eq(write(pair[1], ports, 3 * sizeof(*ports)), 3 * sizeof(*ports));
	ck_assert_int_eq(poll(&(struct pollfd){.fd = pair[1], .events = POLLIN}, 1, SOON), 1);
	ck_assert_int_eq(read(pair[1], ports, sizeof(ports)), sizeof(*ports));
	ck_assert_uint_eq(ports[0], g->q.tx_port);
	close_guest(g);
}
END_TEST

/* What was delivered for a port that has gone is read while nobody has its number. */
START_TEST(test_events_are_read_after_a_call)
{
	uint64_t before;

	open_guest(&guests[0]);
	expect_sleep("opened");
	before = stats_read(&worker_stats.event_reads);
	close_guest(&guests[0]);
	ck_assert(reaches(&worker_stats.event_reads, before + 1));
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, test_calls_while_busy, 0, 2);
	tcase_add_test(tcase, test_port_is_read_twice);
	tcase_add_test(tcase, test_events_are_read_after_a_call);
}

int main(void)
{
	return run_modes("worker", add_tests);
}
