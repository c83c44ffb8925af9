/* SPDX-License-Identifier: MIT -- the simulated vif, netback and guest: nothing lost, times in closed form */
#include "test/sim/netback.h"

#include <check.h>
#include <stdlib.h>

#include "netback/common/util.h"
#include "test/sim/guest.h"
#include "test/sim/load.h"
#include "test/sim/scheduler.h"

static struct host host;
static struct netback netback;
static struct guest guest;
static struct load *load;

/* dom0 and the guest on a pCPU each; what costs something costs this, us. */
enum {
	SWITCH = 2,
	IPI = 1,
	ROUND = 8,
	RX = 6,
	TX = 7,
	COST = 50,
	IRQ = 5,
	WIRE = 30,
};

static void setup(void)
{
	host_init(&host);
	host.switch_ns = SWITCH * SIM_US;
	host.ipi_ns = IPI * SIM_US;
	netback = (struct netback){.round_ns = ROUND * SIM_US,
				   .rx_ns = RX * SIM_US,
				   .tx_ns = TX * SIM_US,
				   .deliver = load_deliver};
	netback.dom = domain_new(host_add_pool(&host, &scheduler_credit2, 1), "dom0", &netback_ops,
				 &netback);
	domain_plug(netback.dom, 1);
	guest = (struct guest){
		.cost_ns = COST * SIM_US, .irq_ns = IRQ * SIM_US, .netback = &netback};
	guest.dom =
		domain_new(host_add_pool(&host, &scheduler_credit2, 1), "net", &guest_ops, &guest);
	netback_add(&netback, &guest.vif, &guest);
	domain_plug(guest.dom, 1);
	load = calloc(1, sizeof(*load));
	load->clock = &host.clock;
	load->guest = &guest;
	load->size = 64;
	load->wire_ns = WIRE * SIM_US;
}

static void teardown(void)
{
	load_stop(load);
	free(load);
	host_free(&host);
}

static void run(int64_t ns)
{
	clock_run(&host.clock, host.clock.now + ns);
	host_count(&host);
}

/* One client at a time: each step of the way costs what it costs. */
START_TEST(test_answer)
{
	int64_t way = 2 * WIRE + 2 * (IPI + SWITCH + ROUND) + RX + TX + IPI + SWITCH + IRQ + COST;

	load->nr_clients = 1;
	load->think_ns = SIM_MS;
	load_start(load);
	run(10 * SIM_S);
	ck_assert_uint_gt(load->answers, 7000);
	ck_assert_uint_eq(load->answer.min, (uint64_t)way * 1000);
	ck_assert_uint_eq(load->answer.max, (uint64_t)way * 1000);
	ck_assert_uint_eq(guest.vif.total.events, guest.vif.total.rx_packets);
	ck_assert_uint_eq(guest.vif.total.kick.max, (uint64_t)IPI * 1000);
}
END_TEST

/* What was offered was dropped, or reached the guest, or is on its way; and below capacity nothing is dropped. */
static const struct {
	double pps;
	unsigned int burst;
	bool drops;
} floods[] = {{5000, 1, false},
	      {18000, 1, false},
	      {25000, 1, true},
	      {1000, 900, true},
	      {1000, 400, false}};

START_TEST(test_nothing_is_lost)
{
	const struct vif *vif = &guest.vif;
	int64_t least;

	load->pps = floods[_i].pps;
	load->burst = floods[_i].burst;
	load_start(load);
	run(10 * SIM_S);
	ck_assert_uint_eq(vif->total.offered,
			  vif->total.dropped + vif->total.rx_packets + vif->tap.count);
	ck_assert_uint_le(vif->total.rx_packets - vif->total.sojourn.count, VIF_RING);
	ck_assert_uint_eq(
		vif->rx_free + vif->rx_spent + vif->rx.count +
			(vif->total.rx_packets - vif->total.sojourn.count - vif->rx.count),
		VIF_RING);
	ck_assert_int_eq(vif->total.dropped > 0, floods[_i].drops);
	/* Each packet costs its price, each event at most an interrupt and a switch. */
	least = (int64_t)vif->total.sojourn.count * COST * SIM_US;
	ck_assert_int_ge(guest.dom->vcpu[0]->run_ns, least);
	ck_assert_int_le(guest.dom->vcpu[0]->run_ns,
			 least + (int64_t)(vif->total.events + 1) * (IRQ + SWITCH) * SIM_US +
				 COST * SIM_US);
}
END_TEST

/* A guest that needs 50 us a packet and gets 25 000 a second is always behind: starved, drops a fifth. */
START_TEST(test_starved)
{
	load->pps = 25000;
	load_start(load);
	run(10 * SIM_S);
	vif_note_starved(&guest.vif, host.clock.now);
	ck_assert_double_eq_tol((double)guest.vif.total.dropped / (double)guest.vif.total.offered,
				0.2, 0.01);
	ck_assert_int_gt(guest.vif.total.starved_ns, 8 * SIM_S);
	ck_assert_int_le(guest.vif.total.starved_ns, 10 * SIM_S);
}
END_TEST

/* Under load the guest polls, and dom0 moves many packets a round: events and rounds are fewer than packets. */
START_TEST(test_polling)
{
	load->pps = 18000;
	load_start(load);
	run(5 * SIM_S);
	ck_assert_uint_lt(guest.vif.total.events, guest.vif.total.rx_packets / 4);
	load->pps = 1000;
	load_start(load);
	guest.vif.total = (struct vif_stats){0};
	run(5 * SIM_S);
	ck_assert_uint_gt(guest.vif.total.events, guest.vif.total.rx_packets * 8 / 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim-net");
	TCase *tcase = tcase_create("sim-net");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_answer);
	tcase_add_loop_test(tcase, test_nothing_is_lost, 0, ARRAY_SIZE(floods));
	tcase_add_test(tcase, test_starved);
	tcase_add_test(tcase, test_polling);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
