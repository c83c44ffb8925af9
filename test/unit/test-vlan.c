/* SPDX-License-Identifier: MIT */
/* test-vlan.c: a vif as a bridge port, case by case and against a naive port */
#include "netback/engine/vlan.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "netback/common/util.h"

enum {
	FRAME = 60,
	NONE = 0xffff
};

static struct link_vlan vlan;
static uint8_t buf[VLAN_TAG_BYTES + FRAME + VLAN_TAG_BYTES];

static void setup(void)
{
	vlan = (struct link_vlan){.filter = true};
	srandom(1);
}

static void set(uint8_t *bits, unsigned int vid)
{
	bits[vid / 8] |= (uint8_t)(1 << vid % 8);
}

/* Addresses, a tag unless tci is NONE, and a pattern; returns the frame, with room before it. */
static uint8_t *build(unsigned int tci, uint32_t *ret_len)
{
	uint8_t *frame = buf + VLAN_TAG_BYTES;
	unsigned int at = 12;

	memset(buf, 0xee, sizeof(buf));
	for (unsigned int i = 0; i < 12; i++)
		frame[i] = (uint8_t)(0x10 + i);
	if (tci != NONE) {
		memcpy(frame + 12, (uint8_t[]){0x81, 0, (uint8_t)(tci >> 8), (uint8_t)tci}, 4);
		at += 4;
	}
	memcpy(frame + at, (uint8_t[]){0x08, 0}, 2);
	for (unsigned int i = at + 2; i < FRAME; i++)
		frame[i] = (uint8_t)(i - at);
	*ret_len = FRAME;
	return frame;
}

static unsigned int tci_of(const uint8_t *frame)
{
	if (frame[12] != 0x81 || frame[13] != 0)
		return NONE;
	return (unsigned int)(frame[14] << 8 | frame[15]);
}

/* --- case by case -------------------------------------------------------------------------------------- */

enum {
	PRIO = 5 << 13
};

/* pvid 10, members 20 and 30, untagged 10 and 30. */
static const struct {
	unsigned int from_guest, at_port; /* tci; 1: dropped */
} to_port[] =
	{
		{NONE, 10}, {10, 10},	       {20, 20},  {PRIO | 20, PRIO | 20},
		{0, 10},    {PRIO, PRIO | 10}, {11, 1},	  {PRIO | 1, 1},
		{4095, 1},  {30, 30},	       {4094, 1},
},
  to_guest[] = {
	  {NONE, 1}, {0, 1},	 {PRIO, 1}, {10, NONE}, {PRIO | 10, NONE},
	  {20, 20},  {30, NONE}, {21, 1},   {4095, 1},
};

static void give_vlans(void)
{
	vlan.pvid = 10;
	set(vlan.member, 20);
	set(vlan.member, 30);
	set(vlan.untagged, 10);
	set(vlan.untagged, 30);
}

static uint8_t *apply(enum vlan_verdict verdict, uint8_t *frame, uint16_t tci)
{
	switch (verdict) {
	case VLAN_PASS:
		return frame;
	case VLAN_TAG:
		return vlan_push(frame, tci);
	case VLAN_RETAG:
		vlan_set(frame, tci);
		return frame;
	case VLAN_UNTAG:
		return vlan_pull(frame);
	default:
		return NULL;
	}
}

/* What comes out has the same addresses, and the same bytes behind a tag or none. */
static void expect(const uint8_t *frame, unsigned int tci, unsigned int was)
{
	uint8_t want[sizeof(buf)];
	uint32_t len;
	size_t behind = tci == NONE ? 12 : 16;

	if (tci == 1) {
		ck_assert_ptr_null(frame);
		return;
	}
	ck_assert_ptr_nonnull(frame);
	ck_assert_uint_eq(tci_of(frame), tci);
	memcpy(want, frame, (size_t)(buf + sizeof(buf) - frame));
	frame = build(was, &len);
	ck_assert_mem_eq(want, frame, 12);
	ck_assert_mem_eq(want + behind, frame + (was == NONE ? 12 : 16),
			 len - (was == NONE ? 12 : 16));
}

START_TEST(test_to_port)
{
	unsigned int was = to_port[_i].from_guest;
	enum vlan_verdict verdict;
	uint16_t tci = 0xeeee;
	uint32_t len;
	uint8_t *frame = build(was, &len);

	give_vlans();
	verdict = vlan_from_guest(&vlan, frame, len, &tci);
	frame = apply(verdict, frame, tci);
	expect(frame, to_port[_i].at_port, was);
}
END_TEST

START_TEST(test_to_guest)
{
	unsigned int was = to_guest[_i].from_guest;
	uint32_t len;
	uint8_t *frame = build(was, &len);

	give_vlans();
	expect(apply(vlan_to_guest(&vlan, frame, len), frame, 0), to_guest[_i].at_port, was);
}
END_TEST

START_TEST(test_without_a_native_vlan)
{
	uint16_t tci;
	uint32_t len;
	uint8_t *frame = build(NONE, &len);

	set(vlan.member, 20);
	ck_assert_int_eq(vlan_from_guest(&vlan, frame, len, &tci), VLAN_DROP);
	frame = build(PRIO, &len);
	ck_assert_int_eq(vlan_from_guest(&vlan, frame, len, &tci), VLAN_DROP);
	frame = build(20, &len);
	ck_assert_int_eq(vlan_from_guest(&vlan, frame, len, &tci), VLAN_PASS);
	ck_assert(!vlan_pulls(&vlan));
	set(vlan.untagged, 4094);
	ck_assert(vlan_pulls(&vlan));
	vlan.filter = false;
	ck_assert(!vlan_pulls(&vlan));
}
END_TEST

/* A service tag is payload, as for Linux' bridge: the frame gets our tag before it, and loses only that. */
START_TEST(test_service_tag)
{
	uint16_t tci = 0;
	uint32_t len;
	uint8_t *frame = build(20, &len);

	give_vlans();
	memcpy(frame + 12, "\x88\xa8", 2);
	ck_assert_int_eq(vlan_to_guest(&vlan, frame, len), VLAN_DROP);
	ck_assert_int_eq(vlan_from_guest(&vlan, frame, len, &tci), VLAN_TAG);
	frame = vlan_push(frame, tci);
	ck_assert_mem_eq(frame + 12, "\x81\x00\x00\x0a\x88\xa8\x00\x14\x08\x00", 10);
	ck_assert_int_eq(vlan_to_guest(&vlan, frame, len + 4), VLAN_UNTAG);
	ck_assert_mem_eq(vlan_pull(frame) + 12, "\x88\xa8\x00\x14\x08\x00", 6);
}
END_TEST

/* Frames that end in their tag: no byte behind the end is looked at. */
START_TEST(test_short)
{
	uint32_t len;
	uint8_t *frame = build(20, &len), *exact;
	uint16_t tci;

	give_vlans();
	for (len = 0; len < 20; len++) {
		exact = malloc(len ? len : 1);
		memcpy(exact, frame, len);
		ck_assert_int_eq(vlan_from_guest(&vlan, exact, len, &tci), len < 14   ? VLAN_TAG
									   : len < 18 ? VLAN_DROP
										      : VLAN_PASS);
		ck_assert_int_eq(vlan_to_guest(&vlan, exact, len),
				 len < 18 ? VLAN_DROP : VLAN_PASS);
		free(exact);
	}
}
END_TEST

START_TEST(test_no_filter)
{
	static const unsigned int tags[] = {NONE, 0, PRIO, 1, 20, 4095};
	uint16_t tci;
	uint32_t len;

	give_vlans();
	vlan.filter = false;
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		uint8_t *frame = build(tags[i], &len);

		ck_assert_int_eq(vlan_from_guest(&vlan, frame, len, &tci), VLAN_PASS);
		ck_assert_int_eq(vlan_to_guest(&vlan, frame, len), VLAN_PASS);
	}
}
END_TEST

START_TEST(test_payload)
{
	uint32_t len;
	uint8_t *frame = build(NONE, &len);

	ck_assert_uint_eq(vlan_payload(frame, 14, 1514), 1500);
	ck_assert_uint_eq(vlan_payload(frame, 14, 14), 0);
	ck_assert_uint_eq(vlan_payload(frame, 0, 5), 0);
	frame = build(20, &len);
	ck_assert_uint_eq(vlan_payload(frame, len, 1518), 1500);
	memcpy(frame + 16, "\x88\xa8", 2);
	ck_assert_uint_eq(vlan_payload(frame, len, 1522), 1500);
	memcpy(frame + 20, "\x81\x00", 2);
	ck_assert_uint_eq(vlan_payload(frame, len, 1522), 1500);
	/* As far as it is there. */
	ck_assert_uint_eq(vlan_payload(frame, 15, 1522), 1504);
}
END_TEST

/* --- against a port that does it the long way ------------------------------------------------------------ */

struct port {
	bool member[LINK_VLANS], untagged[LINK_VLANS];
	unsigned int pvid;
};

static void randomize(struct port *port)
{
	memset(port, 0, sizeof(*port));
	setup();
	for (int n = 0; n < 8; n++) {
		unsigned int vid = 1 + (unsigned int)random() % 12;

		port->member[vid] = true;
		set(vlan.member, vid);
		vid = 1 + (unsigned int)random() % 12;
		port->untagged[vid] = true;
		set(vlan.untagged, vid);
	}
	port->pvid = (unsigned int)random() % 13;
	vlan.pvid = (uint16_t)port->pvid;
	if (port->pvid)
		port->member[port->pvid] = true;
}

static unsigned int any_tci(void)
{
	if (random() % 4 == 0)
		return NONE;
	return (unsigned int)(random() % 8) << 13 | (unsigned int)random() % 14;
}

/* By what they mean: padding is none of it. */
START_TEST(test_same)
{
	struct link_vlan a, b;

	memset(&a, 0, sizeof(a));
	memset(&b, 0xff, sizeof(b));
	b.filter = false;
	b.pvid = 0;
	memset(b.member, 0, sizeof(b.member));
	memset(b.untagged, 0, sizeof(b.untagged));
	ck_assert(vlan_same(&a, &b));
	b.filter = true;
	ck_assert(!vlan_same(&a, &b));
	b = a;
	b.pvid = 1;
	ck_assert(!vlan_same(&a, &b));
	b = a;
	b.member[LINK_VLANS / 8 - 1] = 1;
	ck_assert(!vlan_same(&a, &b));
	b = a;
	b.untagged[0] = 1;
	ck_assert(!vlan_same(&a, &b));
}
END_TEST

START_TEST(test_random_ports)
{
	static struct port port;
	unsigned int passed = 0;

	for (int n = 0; n < 20000; n++) {
		unsigned int was = any_tci(), vid, want;
		enum vlan_verdict verdict;
		uint16_t tci = 0;
		uint32_t len;
		uint8_t *frame = build(was, &len);

		randomize(&port);
		srandom((unsigned int)n + 2);
		vid = was == NONE || !(was & 0xfff) ? port.pvid : was & 0xfff;
		want = (was == NONE ? 0 : was & 0xe000) | vid;
		verdict = vlan_from_guest(&vlan, frame, len, &tci);
		frame = apply(verdict, frame, tci);
		expect(frame, vid && port.member[vid] ? want : 1, was);

		frame = build(was, &len);
		vid = was == NONE ? 0 : was & 0xfff;
		want = vid && port.untagged[vid] ? NONE : was;
		frame = apply(vlan_to_guest(&vlan, frame, len), frame, 0);
		expect(frame, vid && port.member[vid] ? want : 1, was);
		passed += frame != NULL;
	}
	ck_assert_uint_gt(passed, 2000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vlan");
	TCase *tcase = tcase_create("vlan");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, test_to_port, 0, ARRAY_SIZE(to_port));
	tcase_add_loop_test(tcase, test_to_guest, 0, ARRAY_SIZE(to_guest));
	tcase_add_test(tcase, test_without_a_native_vlan);
	tcase_add_test(tcase, test_service_tag);
	tcase_add_test(tcase, test_short);
	tcase_add_test(tcase, test_no_filter);
	tcase_add_test(tcase, test_payload);
	tcase_add_test(tcase, test_same);
	tcase_add_test(tcase, test_random_ports);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
