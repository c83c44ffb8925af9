/* SPDX-License-Identifier: MIT */
/* test-memory.c: a vif's memory is kept, or empty, never another layout's */
#include "netback/engine/memory.h"

#include <check.h>
#include <stdalign.h>
#include <string.h>

static alignas(8) uint8_t bytes[LINK_MEMORY_BYTES + 8];
static struct vif_memory *const memory = (struct vif_memory *)bytes;
/* A byte that only an emptied memory has lost. */
static uint8_t *const mark = &bytes[LINK_MEMORY_BYTES - 1];

static void setup(void)
{
	memset(bytes, 0, sizeof(bytes));
	ck_assert_ptr_eq(memory_attach(bytes), memory);
	*mark = 1;
}

START_TEST(test_is_kept)
{
	memory_attach(bytes);
	ck_assert_uint_eq(*mark, 1);
}
END_TEST

static void damage(unsigned int i)
{
	memory->magic ^= i == 0;
	memory->version ^= (uint32_t)(i == 1);
	memory->size ^= (uint32_t)(i == 2);
}

START_TEST(test_is_emptied)
{
	damage((unsigned int)_i);
	bytes[LINK_MEMORY_BYTES] = 7;
	memory_attach(bytes);
	for (size_t i = sizeof(*memory); i < LINK_MEMORY_BYTES; i++)
		ck_assert_uint_eq(bytes[i], 0);
	ck_assert_uint_eq(bytes[LINK_MEMORY_BYTES], 7);
	ck_assert_uint_eq(memory->magic, MEMORY_MAGIC);
	ck_assert_uint_eq(memory->version, MEMORY_VERSION);
	ck_assert_uint_eq(memory->size, sizeof(*memory));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tcase = tcase_create("memory");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, test_is_kept);
	tcase_add_loop_test(tcase, test_is_emptied, 0, 3);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
