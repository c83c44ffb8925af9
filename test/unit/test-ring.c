/* SPDX-License-Identifier: MIT -- the guest's indices, arming and notifying on both rings */
#include "netback/engine/ring.h"

#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

/* --- what a guest may write into req_prod ------------------------------------------------ */

static const struct {
	const char *what;
	RING_IDX prod, cons, rsp;
	int want;
} counts[] = {
	{"nothing", 0, 0, 0, 0},
	{"one", 1, 0, 0, 1},
	{"full", 256, 0, 0, 256},
	{"one beyond the ring", 257, 0, 0, -EPROTO},
	{"full, half of it consumed", 256, 128, 0, 128},
	{"all consumed, none answered", 256, 256, 0, 0},
	{"beyond what is unanswered", 257, 256, 0, -EPROTO},
	{"full again after answers", 512, 256, 256, 256},
	{"behind what was consumed", 127, 128, 0, -EPROTO},
	{"behind what was answered", 127, 128, 128, -EPROTO},
	{"far ahead", 0x80000000u, 0, 0, -EPROTO},
	{"one behind zero", 0xffffffffu, 0, 0, -EPROTO},
	{"full over the end of 32 bits", 0x7fu, 0xffffff7fu, 0xffffff7fu, 256},
	{"too many over the end of 32 bits", 0x80u, 0xffffff7fu, 0xffffff7fu, -EPROTO},
	{"behind over the end of 32 bits", 0xfffffffeu, 1, 0xfffffff0u, -EPROTO},
};

/* A page of its own on the heap, so that ASan sees what leaves it. */
static void *new_page(RING_IDX prod, RING_IDX rsp)
{
	netif_tx_sring_t *sring = aligned_alloc(RING_PAGE_BYTES, RING_PAGE_BYTES);

	ck_assert_ptr_nonnull(sring);
	memset(sring, 0xa5, RING_PAGE_BYTES);
	SHARED_RING_INIT(sring);
	sring->req_prod = prod;
	sring->rsp_prod = rsp;
	return sring;
}

START_TEST(test_count)
{
	netif_tx_back_ring_t tx = {.nr_ents = RING_SLOTS, .req_cons = counts[_i].cons};
	netif_rx_back_ring_t rx = {.nr_ents = RING_SLOTS, .req_cons = counts[_i].cons};
	void *page = new_page(counts[_i].prod, 0);

	tx.rsp_prod_pvt = rx.rsp_prod_pvt = counts[_i].rsp;
	tx.sring = page;
	rx.sring = page;
	ck_assert_msg(ring_tx_unconsumed(&tx) == counts[_i].want, "tx: %s", counts[_i].what);
	ck_assert_msg(ring_rx_unconsumed(&rx) == counts[_i].want, "rx: %s", counts[_i].what);
	free(page);
}
END_TEST

/* --- attach ------------------------------------------------------------------------------ */

static const struct {
	RING_IDX prod, rsp;
	int want;
} attaches[] = {
	{0, 0, 0},
	{256, 0, 0},
	{257, 0, -EPROTO},
	{5, 6, -EPROTO},
	{1000, 900, 0},
	{0x10, 0xfffffff0u, 0},
	{0xf1, 0xfffffff0u, -EPROTO},
};

START_TEST(test_attach)
{
	void *page = new_page(attaches[_i].prod, attaches[_i].rsp);
	netif_tx_back_ring_t tx = {.req_cons = 77};
	netif_rx_back_ring_t rx = {.req_cons = 77};

	ck_assert_int_eq(ring_tx_attach(&tx, page), attaches[_i].want);
	ck_assert_int_eq(ring_rx_attach(&rx, page), attaches[_i].want);
	if (attaches[_i].want) {
		ck_assert_uint_eq(tx.req_cons, 77);
		ck_assert_ptr_null(rx.sring);
	} else {
		ck_assert_uint_eq(tx.req_cons, attaches[_i].rsp);
		ck_assert_uint_eq(rx.rsp_prod_pvt, attaches[_i].rsp);
		ck_assert_uint_eq(tx.nr_ents, RING_SLOTS);
		ck_assert_int_eq(ring_rx_unconsumed(&rx), attaches[_i].prod - attaches[_i].rsp);
	}
	free(page);
}
END_TEST

START_TEST(test_copy)
{
	netif_tx_sring_t *sring = new_page(0, 0);
	netif_tx_back_ring_t tx;
	netif_tx_request_t req;

	ck_assert_int_eq(ring_tx_attach(&tx, sring), 0);
	*RING_GET_REQUEST(&tx, 255) =
		(netif_tx_request_t){.gref = 7, .offset = 3, .id = 9, .size = 60};
	ring_tx_copy(&tx, 0xffffffffu, &req);
	ck_assert_uint_eq(req.gref, 7);
	ck_assert_uint_eq(req.offset, 3);
	ck_assert_uint_eq(req.id, 9);
	ck_assert_uint_eq(req.size, 60);
	free(sring);
}
END_TEST

/* --- arm and push against the macros of the other half ----------------------------------- */

START_TEST(test_arm)
{
	netif_rx_sring_t *sring = new_page(0, 0);
	netif_rx_front_ring_t front;
	netif_rx_back_ring_t back;
	unsigned int i;
	int notify;

	FRONT_RING_INIT(&front, sring, RING_PAGE_BYTES);
	ck_assert_int_eq(ring_rx_attach(&back, sring), 0);
	ck_assert_int_eq(ring_rx_arm(&back, 3), 0);
	for (i = 1; i <= 4; i++) {
		front.req_prod_pvt++;
		RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
		ck_assert_msg(!!notify == (i == 3), "request %u", i);
	}

	ck_assert_int_eq(ring_rx_arm(&back, 4), 4);
	ck_assert_msg(sring->req_event == 3, "armed although enough is there");
	ck_assert_int_eq(ring_rx_arm(&back, 5), 4);
	ck_assert_uint_eq(sring->req_event, 5);
	sring->req_prod = 1000;
	ck_assert_int_eq(ring_rx_arm(&back, 5), -EPROTO);
	free(sring);
}
END_TEST

START_TEST(test_push)
{
	netif_tx_sring_t *sring = new_page(20, 0);
	netif_tx_back_ring_t back;
	unsigned int i;

	ck_assert_int_eq(ring_tx_attach(&back, sring), 0);
	sring->rsp_event = 3;
	for (i = 1; i <= 5; i++) {
		back.rsp_prod_pvt++;
		ck_assert_msg(ring_tx_push(&back) == (i == 3), "response %u", i);
		ck_assert_uint_eq(sring->rsp_prod, i);
	}

	sring->rsp_event = 7;
	back.rsp_prod_pvt = 10;
	ck_assert_msg(ring_tx_push(&back), "an event in the middle of a batch");
	sring->rsp_event = 11;
	ck_assert_msg(!ring_tx_push(&back), "nothing new");
	free(sring);
}
END_TEST

/* --- no lost wake-up: the frontend acts at our barriers ---------------------------------- */

/* A third pair of the same code, whose full barrier lets the test do what the frontend does then. */
static void (*at_barrier)(void);

DEFINE_RING_TYPES(netif_hooked, netif_tx_request_t, netif_tx_response_t);
typedef netif_tx_request_t netif_hooked_request_t;
#undef xen_mb
#define xen_mb() at_barrier()
RING_PAIR(hooked)
#undef xen_mb
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)

static netif_hooked_sring_t *shared;

/* It moved req_prod and looked at req_event just before we stored that, so it sends no event. */
static void frontend_pushes(void)
{
	ck_assert_uint_eq(shared->req_event, 1);
	shared->req_prod = 1;
}

/* It consumed all and armed just before we moved rsp_prod, looked again and saw nothing. */
static void frontend_arms(void)
{
	ck_assert_uint_eq(shared->rsp_prod, 1);
	shared->rsp_event = 1;
}

START_TEST(test_request_while_arming)
{
	netif_hooked_back_ring_t back;

	shared = new_page(0, 0);
	shared->req_event = 0;
	at_barrier = frontend_pushes;
	ck_assert_int_eq(ring_hooked_attach(&back, shared), 0);
	ck_assert_int_eq(ring_hooked_arm(&back, 1), 1);
	free(shared);
}
END_TEST

START_TEST(test_arming_while_responding)
{
	netif_hooked_back_ring_t back;
	netif_tx_request_t req;

	shared = new_page(1, 0);
	shared->rsp_event = 0;
	at_barrier = frontend_arms;
	ck_assert_int_eq(ring_hooked_attach(&back, shared), 0);
	ck_assert_int_eq(ring_hooked_unconsumed(&back), 1);
	ring_hooked_copy(&back, back.req_cons++, &req);
	back.rsp_prod_pvt++;
	ck_assert(ring_hooked_push(&back));
	free(shared);
}
END_TEST

/* --- and on another CPU: each side sleeps whenever it may -------------------------------- */
/* ThreadSanitizer does not know fences, and takes each access that they order for a race. */
#ifndef __SANITIZE_THREAD__

enum {
	STRESS_REQUESTS = 100000
};

struct pair {
	netif_tx_sring_t *sring;
	sem_t to_back, to_front;
};

static void *produce(void *arg)
{
	struct pair *pair = arg;
	netif_tx_front_ring_t front;
	unsigned int done = 0;
	int notify, more;

	FRONT_RING_INIT(&front, pair->sring, RING_PAGE_BYTES);
	while (done < STRESS_REQUESTS) {
		while (!RING_FULL(&front) && front.req_prod_pvt < STRESS_REQUESTS) {
			RING_GET_REQUEST(&front, front.req_prod_pvt)->gref = front.req_prod_pvt;
			front.req_prod_pvt++;
			RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
			if (notify)
				sem_post(&pair->to_back);
		}
		done = READ_ONCE(pair->sring->rsp_prod);
		xen_rmb();
		front.rsp_cons = done;
		RING_FINAL_CHECK_FOR_RESPONSES(&front, more);
		/* Without more, there is nothing to do for who has no room or nothing to send. */
		if (!more && (RING_FULL(&front) || front.req_prod_pvt == STRESS_REQUESTS) &&
		    done < STRESS_REQUESTS)
			sem_wait(&pair->to_front);
	}
	return NULL;
}

START_TEST(test_two_cpus)
{
	struct pair pair = {.sring = new_page(0, 0)};
	netif_tx_back_ring_t back;
	netif_tx_request_t req;
	pthread_t thread;
	int count;

	sem_init(&pair.to_back, 0, 0);
	sem_init(&pair.to_front, 0, 0);
	ck_assert_int_eq(ring_tx_attach(&back, pair.sring), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, produce, &pair), 0);

	while (back.req_cons < STRESS_REQUESTS) {
		count = ring_tx_arm(&back, 1);
		ck_assert_int_ge(count, 0);
		if (!count)
			sem_wait(&pair.to_back);
		for (; count; count--) {
			ring_tx_copy(&back, back.req_cons, &req);
			ck_assert_uint_eq(req.gref, back.req_cons);
			back.req_cons++;
		}
		back.rsp_prod_pvt = back.req_cons;
		if (ring_tx_push(&back))
			sem_post(&pair.to_front);
	}
	pthread_join(thread, NULL);
	free(pair.sring);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("ring");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_count, 0, ARRAY_SIZE(counts));
	tcase_add_loop_test(tcase, test_attach, 0, ARRAY_SIZE(attaches));
	tcase_add_test(tcase, test_copy);
	tcase_add_test(tcase, test_arm);
	tcase_add_test(tcase, test_push);
	tcase_add_test(tcase, test_request_while_arming);
	tcase_add_test(tcase, test_arming_while_responding);
#ifndef __SANITIZE_THREAD__
	tcase_add_test(tcase, test_two_cpus);
#endif
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
