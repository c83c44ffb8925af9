/* SPDX-License-Identifier: MIT -- an engine is killed after every store; its successor finishes */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

/* The module itself, with a crash behind each of its stores. */
static void step(void);
#define STEP() step()
#include "netback/engine/journal.c"

/* Everything that outlives an engine: a ring and its journal. */
struct world {
	uint8_t ring[RING_PAGE_BYTES] __attribute__((aligned(64)));
	uint8_t journal[JOURNAL_QUEUE_BYTES];
};

enum {
	TX_REF = 8,
	RX_REF = 9,
	MAX_STEPS = 1024
};

static struct world *world;  /* what the code under test works on */
static struct world *crash;  /* NULL: nobody is interested in crashes */
static unsigned int crashes; /* crash[i] is the world behind store i */

static void step(void)
{
	if (!crash)
		return;
	ck_assert_uint_lt(crashes, MAX_STEPS);
	memcpy(&crash[crashes++], world, sizeof(*world));
}

static netif_tx_sring_t *tx_ring(struct world *w)
{
	return (netif_tx_sring_t *)w->ring;
}

static netif_rx_sring_t *rx_ring(struct world *w)
{
	return (netif_rx_sring_t *)w->ring;
}

static struct world *new_worlds(unsigned int n)
{
	struct world *w = aligned_alloc(64, n * sizeof(*w));

	ck_assert_ptr_nonnull(w);
	memset(w, 0, sizeof(*w));
	return w;
}

/* --- what stands in slot i of a ring, from i alone --------------------------------------- */

static netif_tx_request_t tx_request(RING_IDX i)
{
	return (netif_tx_request_t){.gref = 0xbeef0000u + i, .id = 7 * i, .size = 60 + i % 1400};
}

/* Every fifth is answered as the rest of a packet is. */
static netif_tx_response_t tx_response(RING_IDX i)
{
	return (netif_tx_response_t){7 * i, i % 5 == 4 ? NETIF_RSP_NULL : NETIF_RSP_OKAY};
}

static netif_rx_request_t rx_request(RING_IDX i)
{
	return (netif_rx_request_t){.gref = 0xfeed0000u + i, .id = 3 * i};
}

/* Every fifth is an extra info. */
static union journal_rx_slot rx_response(RING_IDX i)
{
	if (i % 5 == 4)
		return (union journal_rx_slot){
			.extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO, .u.gso.size = i}};
	return (union journal_rx_slot){.rsp = {.id = 3 * i, .flags = 3, .status = i % 4096}};
}

static bool tx_answered(const netif_tx_sring_t *sring, RING_IDX i)
{
	netif_tx_response_t want = tx_response(i);

	return !memcmp(&sring->ring[i % RING_SLOTS], &want, sizeof(want));
}

static bool rx_answered(const netif_rx_sring_t *sring, RING_IDX i)
{
	union journal_rx_slot want = rx_response(i);

	return !memcmp(&sring->ring[i % RING_SLOTS], &want, sizeof(want));
}

static void tx_note(struct journal_tx *entry, RING_IDX i)
{
	journal_note_tx(entry, tx_response(i).id, tx_response(i).status);
}

static void rx_note(struct journal_rx *entry, RING_IDX i)
{
	union journal_rx_slot slot = rx_response(i);

	if (i % 5 == 4)
		journal_note_extra(entry, &slot.extra);
	else
		journal_note_rx(entry, &slot.rsp);
}

/* --- an engine's life, for both rings ---------------------------------------------------- */

/*
 * X_post:    the frontend makes n more requests
 * X_serve:   an engine takes n requests and answers them in one batch
 * X_check:   from..rsp_prod-1 are answers, rsp_prod..req_prod-1 are requests as they were made
 * X_succeed: another engine: attach, replay; the world is in order then, and replay leaves nothing
 */
#define WORLD_PAIR(X)                                                                              \
	static void X##_post(struct world *w, unsigned int n)                                      \
	{                                                                                          \
		for (; n; n--, X##_ring(w)->req_prod++) {                                          \
			netif_##X##_request_t req = X##_request(X##_ring(w)->req_prod);            \
                                                                                                   \
			memcpy(&X##_ring(w)->ring[X##_ring(w)->req_prod % RING_SLOTS], &req,       \
			       sizeof(req));                                                       \
			compiler_barrier();                                                        \
		}                                                                                  \
	}                                                                                          \
                                                                                                   \
	static void X##_serve(struct world *w, netif_##X##_back_ring_t *ring, unsigned int n)      \
	{                                                                                          \
		struct journal_##X *entry = &((struct journal *)w->journal)->X;                    \
                                                                                                   \
		for (; n; n--) {                                                                   \
			X##_note(entry, ring->req_cons++);                                         \
			STEP();                                                                    \
		}                                                                                  \
		journal_publish_##X(entry, ring);                                                  \
	}                                                                                          \
                                                                                                   \
	static void X##_check(struct world *w, RING_IDX from)                                      \
	{                                                                                          \
		RING_IDX i;                                                                        \
                                                                                                   \
		for (i = from; i != X##_ring(w)->rsp_prod; i++)                                    \
			ck_assert_msg(X##_answered(X##_ring(w), i), "answer %u", i);               \
		for (; i != X##_ring(w)->req_prod; i++) {                                          \
			netif_##X##_request_t want = X##_request(i);                               \
                                                                                                   \
			ck_assert_msg(                                                             \
				!memcmp(&X##_ring(w)->ring[i % RING_SLOTS], &want, sizeof(want)),  \
				"request %u", i);                                                  \
		}                                                                                  \
	}                                                                                          \
                                                                                                   \
	static enum journal_replay X##_succeed(struct world *w, RING_IDX from)                     \
	{                                                                                          \
		struct journal *journal = journal_attach(w->journal, TX_REF, RX_REF);              \
		enum journal_replay did = journal_replay_##X(&journal->X, X##_ring(w));            \
		netif_##X##_back_ring_t ring;                                                      \
                                                                                                   \
		ck_assert_int_eq(ring_##X##_attach(&ring, X##_ring(w)), 0);                        \
		X##_check(w, from);                                                                \
		ck_assert_int_eq(journal_replay_##X(&journal->X, X##_ring(w)), JOURNAL_CLEAN);     \
		return did;                                                                        \
	}

WORLD_PAIR(tx)
WORLD_PAIR(rx)

static const struct life {
	RING_IDX start;
	unsigned int posted;
	unsigned int batch[3];
} lives[] = {
	{0, 256, {1, 0, 0}},
	{0, 256, {256, 0, 0}},
	{0, 3, {1, 1, 1}},
	{200, 256, {17, 100, 139}},
	{0xffffff80u, 256, {100, 100, 56}},
	{0xffffffffu, 1, {1, 0, 0}},
};

/* --- killed anywhere --------------------------------------------------------------------- */

/* The successor is killed behind each of its stores as well; the next one ends as it would have. */
#define KILL_SUCCESSOR(X)                                                                          \
	static void X##_kill_successor(const struct world *before, RING_IDX from)                  \
	{                                                                                          \
		struct world *again = new_worlds(MAX_STEPS), *w = new_worlds(1);                   \
		unsigned int i;                                                                    \
                                                                                                   \
		*w = *before;                                                                      \
		world = w;                                                                         \
		crash = again;                                                                     \
		crashes = 0;                                                                       \
		X##_succeed(w, from);                                                              \
		crash = NULL;                                                                      \
		for (i = 0; i < crashes; i++) {                                                    \
			X##_succeed(&again[i], from);                                              \
			ck_assert_uint_eq(X##_ring(&again[i])->rsp_prod, X##_ring(w)->rsp_prod);   \
		}                                                                                  \
		free(again);                                                                       \
		free(w);                                                                           \
	}

KILL_SUCCESSOR(tx)
KILL_SUCCESSOR(rx)

/* Counts what replay did, to see that the crashes were where they should be. */
#define KILL_EVERYWHERE(X)                                                                         \
	static void X##_kill_everywhere(const struct life *life, unsigned int did[4])              \
	{                                                                                          \
		struct world *all = new_worlds(MAX_STEPS), *w = new_worlds(1);                     \
		RING_IDX end = life->start;                                                        \
		unsigned int i, n, batch;                                                          \
		netif_##X##_back_ring_t ring;                                                      \
                                                                                                   \
		X##_ring(w)->req_prod = X##_ring(w)->rsp_prod = life->start;                       \
		X##_post(w, life->posted);                                                         \
		journal_attach(w->journal, TX_REF, RX_REF);                                        \
		ck_assert_int_eq(ring_##X##_attach(&ring, X##_ring(w)), 0);                        \
		for (batch = 0; batch < 3; batch++) {                                              \
			world = w;                                                                 \
			crash = all;                                                               \
			crashes = 0;                                                               \
			X##_serve(w, &ring, life->batch[batch]);                                   \
			crash = NULL;                                                              \
			for (i = 0, n = crashes; i < n; i++) {                                     \
				if (life->batch[batch] < 20)                                       \
					X##_kill_successor(&all[i], life->start);                  \
				did[X##_succeed(&all[i], life->start)]++;                          \
				ck_assert(X##_ring(&all[i])->rsp_prod == end ||                    \
					  X##_ring(&all[i])->rsp_prod ==                           \
						  end + life->batch[batch]);                       \
			}                                                                          \
			end += life->batch[batch];                                                 \
			ck_assert_uint_eq(X##_ring(w)->rsp_prod, end);                             \
			X##_check(w, life->start);                                                 \
		}                                                                                  \
		free(all);                                                                         \
		free(w);                                                                           \
	}

KILL_EVERYWHERE(tx)
KILL_EVERYWHERE(rx)

/* Of n responses: seal and n slots are open, then moved once; before and after nothing is. */
static void check_did(const struct life *life, const unsigned int did[4])
{
	unsigned int i, open = 0, moved = 0;

	for (i = 0; i < 3; i++) {
		open += life->batch[i] ? life->batch[i] + 1 : 0;
		moved += life->batch[i] ? 1 : 0;
	}
	ck_assert_uint_eq(did[JOURNAL_FINISHED], open);
	ck_assert_uint_eq(did[JOURNAL_MOVED], moved);
	ck_assert_uint_eq(did[JOURNAL_DROPPED], 0);
}

START_TEST(test_killed_anywhere_tx)
{
	unsigned int did[4] = {0};

	tx_kill_everywhere(&lives[_i], did);
	check_did(&lives[_i], did);
}
END_TEST

START_TEST(test_killed_anywhere_rx)
{
	unsigned int did[4] = {0};

	rx_kill_everywhere(&lives[_i], did);
	check_did(&lives[_i], did);
}
END_TEST

/* While an entry is open its ring slots may hold anything: no order among them is relied upon. */
START_TEST(test_torn_slots)
{
	struct world *w = new_worlds(1);
	struct journal *journal = journal_attach(w->journal, TX_REF, RX_REF);
	RING_IDX i;

	rx_ring(w)->req_prod = rx_ring(w)->rsp_prod = 0xfffffff0u;
	rx_post(w, 200);
	for (i = 0; i < 100; i++)
		journal->rx.rsp[i] = rx_response(0xfffffff0u + i);
	journal->rx.start = 0xfffffff0u;
	journal->rx.count = 100;
	for (i = 0; i < 100; i++)
		memset(&rx_ring(w)->ring[(0xfffffff0u + i) % RING_SLOTS], 0xff << i % 8, 1 + i % 8);
	ck_assert_int_eq(rx_succeed(w, 0xfffffff0u), JOURNAL_FINISHED);
	ck_assert_uint_eq(rx_ring(w)->rsp_prod, 0xfffffff0u + 100);
	free(w);
}
END_TEST

/* --- not this ring's, or nonsense -------------------------------------------------------- */

static const struct {
	const char *what;
	uint32_t start, count;
	RING_IDX rsp_prod, req_prod;
	enum journal_replay want;
	RING_IDX end;
} entries[] = {
	{"closed", 50, 0, 50, 60, JOURNAL_CLEAN, 50},
	{"open", 50, 10, 50, 60, JOURNAL_FINISHED, 60},
	{"whole ring", 50, 256, 50, 306, JOURNAL_FINISHED, 306},
	{"moved", 50, 10, 60, 60, JOURNAL_MOVED, 60},
	{"moved, whole ring", 50, 256, 306, 306, JOURNAL_MOVED, 306},
	{"new ring", 50, 10, 0, 256, JOURNAL_DROPPED, 0},
	{"new ring at the same index", 0, 10, 0, 0, JOURNAL_DROPPED, 0},
	{"in the middle", 50, 10, 55, 60, JOURNAL_DROPPED, 55},
	{"fewer requests than answers", 50, 10, 50, 59, JOURNAL_DROPPED, 50},
	{"requests beyond the ring", 50, 10, 50, 307, JOURNAL_DROPPED, 50},
	{"longer than a ring", 50, 257, 50, 306, JOURNAL_DROPPED, 50},
	{"longer than anything", 50, 0xffffffffu, 50, 306, JOURNAL_DROPPED, 50},
	{"as long as back to rsp_prod", 50, 0xfffffffbu, 45, 50, JOURNAL_DROPPED, 45},
};

START_TEST(test_entries)
{
	struct world *w = new_worlds(1), *before = new_worlds(1);
	struct journal *journal = journal_attach(w->journal, TX_REF, RX_REF);

	journal->tx.start = entries[_i].start;
	journal->tx.count = entries[_i].count;
	memset(w->ring, 0xa5, sizeof(w->ring));
	tx_ring(w)->rsp_prod = entries[_i].rsp_prod;
	tx_ring(w)->req_prod = entries[_i].req_prod;
	*before = *w;

	ck_assert_msg(journal_replay_tx(&journal->tx, tx_ring(w)) == entries[_i].want, "%s",
		      entries[_i].what);
	ck_assert_uint_eq(tx_ring(w)->rsp_prod, entries[_i].end);
	ck_assert_uint_eq(journal->tx.count, 0);
	if (entries[_i].want != JOURNAL_FINISHED)
		ck_assert_mem_eq(w->ring, before->ring, sizeof(w->ring));
	free(before);
	free(w);
}
END_TEST

static const struct {
	const char *what;
	uint64_t magic;
	uint32_t version, tx_ref, rx_ref;
	bool kept;
} heads[] = {
	{"ours", JOURNAL_MAGIC, JOURNAL_VERSION, TX_REF, RX_REF, true},
	{"new file", 0, 0, 0, 0, false},
	{"killed while it was made", 0, JOURNAL_VERSION, TX_REF, RX_REF, false},
	{"another version", JOURNAL_MAGIC, JOURNAL_VERSION + 1, TX_REF, RX_REF, false},
	{"another tx ring", JOURNAL_MAGIC, JOURNAL_VERSION, TX_REF + 1, RX_REF, false},
	{"another rx ring", JOURNAL_MAGIC, JOURNAL_VERSION, TX_REF, RX_REF + 1, false},
};

START_TEST(test_attach)
{
	struct world *w = new_worlds(1);
	struct journal *journal = (struct journal *)w->journal;

	memset(w->journal, 0x5a, sizeof(w->journal));
	journal->magic = heads[_i].magic;
	journal->version = heads[_i].version;
	journal->tx_ref = heads[_i].tx_ref;
	journal->rx_ref = heads[_i].rx_ref;
	journal->tx.count = journal->rx.count = 10;

	ck_assert_ptr_eq(journal_attach(w->journal, TX_REF, RX_REF), journal);
	ck_assert_msg(journal->tx.count == (heads[_i].kept ? 10 : 0), "%s", heads[_i].what);
	ck_assert_msg(journal->rx.count == (heads[_i].kept ? 10 : 0), "%s", heads[_i].what);
	ck_assert_uint_eq(journal->tx.noted, 0);
	ck_assert_uint_eq(journal->rx.noted, 0);
	ck_assert(is_ours(journal, TX_REF, RX_REF));
	free(w);
}
END_TEST

START_TEST(test_publish)
{
	struct world *w = new_worlds(1);
	struct journal *journal = journal_attach(w->journal, TX_REF, RX_REF);
	netif_tx_back_ring_t ring;
	unsigned int i;

	tx_post(w, 256);
	tx_ring(w)->rsp_event = 2;
	ck_assert_int_eq(ring_tx_attach(&ring, tx_ring(w)), 0);
	ck_assert_msg(!journal_publish_tx(&journal->tx, &ring), "nothing noted");
	tx_note(&journal->tx, ring.req_cons++);
	ck_assert_msg(!journal_publish_tx(&journal->tx, &ring), "before the event");
	tx_note(&journal->tx, ring.req_cons++);
	ck_assert_msg(journal_publish_tx(&journal->tx, &ring), "at the event");
	ck_assert_uint_eq(ring.rsp_prod_pvt, 2);

	/* More notes than requests: none is answered that was not consumed, nothing is overrun. */
	ring.req_cons++;
	for (i = 0; i < 1000; i++)
		journal_note_tx(&journal->tx, i, 0);
	journal_publish_tx(&journal->tx, &ring);
	ck_assert_uint_eq(tx_ring(w)->rsp_prod, 3);
	ck_assert_uint_eq(journal->rx.start + journal->rx.count, 0);
	free(w);
}
END_TEST

/* --- a true SIGKILL, wherever it hits the compiled code ---------------------------------- */

enum {
	KILLS = 150
};

/* Frontend and engine in one process that never ends; progress is all in the world. */
static void run(struct world *w)
{
	netif_rx_back_ring_t ring;
	unsigned int batch = 1;

	journal_attach(w->journal, TX_REF, RX_REF);
	if (ring_rx_attach(&ring, rx_ring(w)))
		_exit(1);
	for (;; batch = batch % 60 + 1) {
		rx_post(w, rx_ring(w)->rsp_prod + RING_SLOTS - rx_ring(w)->req_prod);
		rx_serve(w, &ring, batch);
	}
}

START_TEST(test_sigkill)
{
	struct world *w =
		mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	RING_IDX from;
	unsigned int i;
	int status;

	ck_assert_ptr_ne(w, MAP_FAILED);
	for (i = 0; i < KILLS; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (!pid)
			run(w);
		usleep(200 + i % 50 * 40);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

		/* Slots that hold an answer still: those the frontend has not filled again. */
		from = rx_ring(w)->req_prod - RING_SLOTS;
		if (rx_ring(w)->req_prod < RING_SLOTS)
			from = 0;
		rx_succeed(w, from + 1 <= rx_ring(w)->rsp_prod ? from + 1 : rx_ring(w)->rsp_prod);
	}
	ck_assert_uint_gt(rx_ring(w)->rsp_prod, RING_SLOTS);
	munmap(w, sizeof(*w));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal");
	TCase *tcase = tcase_create("journal");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_killed_anywhere_tx, 0, ARRAY_SIZE(lives));
	tcase_add_loop_test(tcase, test_killed_anywhere_rx, 0, ARRAY_SIZE(lives));
	tcase_add_test(tcase, test_torn_slots);
	tcase_add_loop_test(tcase, test_entries, 0, ARRAY_SIZE(entries));
	tcase_add_loop_test(tcase, test_attach, 0, ARRAY_SIZE(heads));
	tcase_add_test(tcase, test_publish);
	tcase_add_test(tcase, test_sigkill);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
