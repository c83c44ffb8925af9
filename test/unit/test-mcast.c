/* SPDX-License-Identifier: MIT */
/* test-mcast.c: the list against a plain one, its bound, and two threads at once */
#include "netback/engine/mcast.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct mcast list;

static void setup(void)
{
	memset(&list, 0, sizeof(list));
	srandom(1);
}

/* The i-th of many addresses, multicast or not. */
static const uint8_t *address(unsigned int i, bool multicast)
{
	static uint8_t addr[MCAST_ADDR_BYTES];

	memcpy(addr, (uint8_t[]){multicast, 0, 0x5e, 0, (uint8_t)(i >> 8), (uint8_t)i},
	       sizeof(addr));
	return addr;
}

START_TEST(test_what_passes)
{
	static const uint8_t broadcast[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t nearly[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
	static const uint8_t zero[MCAST_ADDR_BYTES];

	ck_assert(mcast_passes(&list, broadcast));
	ck_assert(mcast_passes(&list, address(1, false)));
	ck_assert(mcast_passes(&list, zero));
	ck_assert(!mcast_passes(&list, nearly));
	ck_assert(!mcast_passes(&list, address(1, true)));
	ck_assert(mcast_add(&list, address(1, true)));
	ck_assert(mcast_passes(&list, address(1, true)));
	ck_assert(!mcast_passes(&list, address(2, true)));
	mcast_del(&list, address(2, true));
	ck_assert(mcast_passes(&list, address(1, true)));
	mcast_del(&list, address(1, true));
	ck_assert(!mcast_passes(&list, address(1, true)));
}
END_TEST

/* As when an engine dies before it answered: the next one does the request again. */
START_TEST(test_twice_is_once)
{
	ck_assert(mcast_add(&list, address(1, true)));
	ck_assert(mcast_add(&list, address(1, true)));
	mcast_del(&list, address(1, true));
	ck_assert(!mcast_passes(&list, address(1, true)));
	mcast_del(&list, address(1, true));
}
END_TEST

START_TEST(test_full)
{
	for (unsigned int i = 0; i < MCAST_MAX; i++)
		ck_assert(mcast_add(&list, address(i, true)));
	ck_assert(!mcast_add(&list, address(MCAST_MAX, true)));
	ck_assert(!mcast_passes(&list, address(MCAST_MAX, true)));
	ck_assert_msg(mcast_add(&list, address(7, true)), "it is there");
	mcast_del(&list, address(7, true));
	ck_assert(mcast_add(&list, address(MCAST_MAX, true)));
	for (unsigned int i = 0; i <= MCAST_MAX; i++)
		ck_assert_int_eq(mcast_passes(&list, address(i, true)), i != 7);
}
END_TEST

START_TEST(test_model)
{
	enum {
		ADDRESSES = 90
	};
	bool there[ADDRESSES] = {0};
	unsigned int nr = 0;

	for (int n = 0; n < 20000; n++) {
		unsigned int i = (unsigned int)random() % ADDRESSES;

		if (random() % 2) {
			bool fits = there[i] || nr < MCAST_MAX;

			ck_assert_int_eq(mcast_add(&list, address(i, true)), fits);
			nr += fits && !there[i];
			there[i] |= fits;
		} else {
			mcast_del(&list, address(i, true));
			nr -= there[i];
			there[i] = false;
		}
		i = (unsigned int)random() % ADDRESSES;
		ck_assert_int_eq(mcast_passes(&list, address(i, true)), there[i]);
	}
}
END_TEST

/* A file's content may be anything: it is looked at, and what the guest adds finds a place or not. */
START_TEST(test_any_bytes)
{
	for (int n = 0; n < 1000; n++) {
		for (size_t i = 0; i < sizeof(list); i++)
			((uint8_t *)&list)[i] = (uint8_t)(random() % 3 ? random() : 0);
		mcast_passes(&list, address(1, true));
		if (mcast_add(&list, address(1, true)))
			ck_assert(mcast_passes(&list, address(1, true)));
		mcast_del(&list, address(1, true));
		ck_assert(!mcast_passes(&list, address(1, true)));
	}
}
END_TEST

static void *toggle(void *arg)
{
	unsigned int first = *(unsigned int *)arg;

	for (int n = 0; n < 20000; n++) {
		uint8_t addr[MCAST_ADDR_BYTES] = {1, 0, 0x5e,
						  0, 1, (uint8_t)(first + (unsigned int)n % 30)};

		if (!mcast_add(&list, addr) || !mcast_passes(&list, addr))
			return arg;
		mcast_del(&list, addr);
		if (mcast_passes(&list, addr))
			return arg;
	}
	return NULL;
}

/* Two queues, 30 addresses each: neither loses what the other does, and there is room for both. */
START_TEST(test_two_queues)
{
	unsigned int first[2] = {0, 100};
	pthread_t thread[2];
	void *failed;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, toggle, &first[i]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], &failed);
		ck_assert_ptr_null(failed);
	}
	for (unsigned int i = 0; i < MCAST_MAX; i++)
		ck_assert_uint_eq(list.entry[i], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mcast");
	TCase *tcase = tcase_create("mcast");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, test_what_passes);
	tcase_add_test(tcase, test_twice_is_once);
	tcase_add_test(tcase, test_full);
	tcase_add_test(tcase, test_model);
	tcase_add_test(tcase, test_any_bytes);
	tcase_add_test(tcase, test_two_queues);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
