/* SPDX-License-Identifier: MIT */
/* fuzz-ctrl.c: whatever a guest writes on its control ring and into the pages it names, and engines that die */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xentoollog.h>

#include "netback/common/util.h"
#include "netback/engine/ctrl.h"
#include "netback/engine/ring.h"
#include "test/fakexen/machine.h"

/*
 * The input is a list of steps, a byte each and what it takes: a request as it is, or one mended to a known
 * type and small numbers; bytes of the pages that requests name; the death of the engine, with or without
 * nonsense in the vif's memory; a producer index. Grant references below FUZZ_REFS are those of the guest's
 * pages.
 */
enum {
	PAGES = 32,
	TABLE = 0, /* the page that mended requests name */
	QUEUES = 3,
	FUZZ_REFS = 0x100,
	STEPS = 64,
};

enum step {
	RAW,
	MENDED,
	FILL_TABLE,
	PATCH,
	DEATH,
	NONSENSE,
	WILD,
	NR_STEPS
};

static char dir[] = "/dev/shm/fuzz-ctrl.XXXXXX";
static xengnttab_handle *gnttab;
static uint8_t *pages;
static uint32_t ref[PAGES];
static struct ctrl ctrl, *c = &ctrl;
static xen_netif_ctrl_sring_t *sring;
static RING_IDX prod;
static uint8_t memory_bytes[LINK_MEMORY_BYTES] __attribute__((aligned(64)));
static atomic_uint guest_pages;
static const uint8_t *data;
static size_t left;

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			__builtin_trap();                                                          \
	} while (0)

static bool take(void *to, size_t len)
{
	if (left < len)
		return false;
	memcpy(to, data, len);
	data += len;
	left -= len;
	return true;
}

static uint32_t mend_ref(uint32_t r)
{
	return r < FUZZ_REFS ? ref[r % PAGES] : r;
}

/* --- what must hold whatever came ---------------------------------------------------------------------- */

static void check_state(void)
{
	unsigned int staged = 0;

	must(hash_settings_valid(&c->hash.set, QUEUES));
	for (unsigned int i = 0; i < QUEUES; i++) {
		const struct staging *s = &c->staging[i];

		must(s->nr <= STAGING_MAX && s->memory->nr == s->nr);
		for (unsigned int k = 0; k < s->nr; k++)
			must(staging_find(s, s->list[k], false));
		staged += s->nr;
	}
	must(staged == guest_pages);
	must(machine_view.m->counters.maps - machine_view.m->counters.unmaps == staged);
}

static void check_frame(void)
{
	struct hash_result result = {0};

	hash_frame(&c->hash, pages, 64, &result);
	must(hash_queue(&c->hash, result.value, QUEUES) < QUEUES);
}

/* --- steps ------------------------------------------------------------------------------------------------ */

static void attach(void)
{
	memset(c, 0, sizeof(*c));
	c->refs.ring_ref = 1;
	c->nr_queues = QUEUES;
	c->memory = memory_attach(memory_bytes);
	c->guest_pages = &guest_pages;
	must(ctrl_attach(c, sring, gnttab) == 0);
}

static void request(struct xen_netif_ctrl_request *req)
{
	struct xen_netif_ctrl_response rsp;
	bool notify;

	sring->ring[prod % CTRL_RING_SLOTS].req = *req;
	sring->req_prod = ++prod;
	must(ctrl_serve(c, &notify) == 1);
	must(sring->rsp_prod == prod);
	rsp = sring->ring[(prod - 1) % CTRL_RING_SLOTS].rsp;
	must(rsp.id == req->id && rsp.type == req->type);
	must(rsp.status <= XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW);
	must(rsp.data == 0 || rsp.status == XEN_NETIF_CTRL_STATUS_SUCCESS);
}

/* A guest that hashes, and may fill its mapping. */
static void set_up(void)
{
	static const uint16_t set[][2] = {
		{XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ},
		{XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, HASH_TYPES},
		{XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, HASH_MAPPING_ENTRIES},
	};

	for (size_t i = 0; i < ARRAY_SIZE(set); i++)
		request(&(struct xen_netif_ctrl_request){.type = set[i][0], .data = {set[i][1]}});
}

static void mend(struct xen_netif_ctrl_request *req)
{
	bool gref = req->type % 3 == 0;

	req->type = (uint16_t)(1 + req->type % 10);
	if (req->type == XEN_NETIF_CTRL_TYPE_SET_HASH_KEY ||
	    req->type == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING)
		req->data[0] = ref[gref ? TABLE : req->data[0] % PAGES];
	else
		req->data[0] %= 20;
	if (req->type >= XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING)
		req->data[1] = ref[TABLE];
	else
		req->data[1] %= 160;
	req->data[2] %= 160;
}

/* As an array of references, or of queues. */
static void fill_table(void)
{
	struct xen_netif_gref *entry = (struct xen_netif_gref *)(pages + TABLE * 4096);
	uint32_t seed[2];

	if (!take(seed, sizeof(seed)))
		return;
	for (unsigned int i = 0; i < 160; i++)
		if (seed[1] & 1)
			((uint32_t *)entry)[i] = (seed[0] >> i % 8) % (QUEUES + (seed[1] >> 1 & 1));
		else
			entry[i] = (struct xen_netif_gref){
				.ref = mend_ref(seed[0] % 97 + i),
				.flags = (uint16_t)((seed[1] >> i % 32) & 1),
			};
}

static void patch(void)
{
	uint8_t bytes[12];
	uint16_t at;

	if (take(&at, sizeof(at)) && take(bytes, sizeof(bytes)))
		memcpy(pages + at % ((PAGES - 1) * 4096 - sizeof(bytes)), bytes, sizeof(bytes));
}

static void die(bool nonsense)
{
	uint8_t bytes[8];
	uint16_t at;

	ctrl_release(c);
	if (nonsense && take(&at, sizeof(at)) && take(bytes, sizeof(bytes)))
		memcpy(memory_bytes + at % 16000, bytes, sizeof(bytes));
	attach();
}

static void wild(void)
{
	uint32_t by;
	bool notify;
	int ret;

	if (!take(&by, sizeof(by)))
		return;
	sring->req_prod = prod + by;
	ret = ctrl_arm(c);
	must(by <= CTRL_RING_SLOTS ? ret == !!by : ret == -EPROTO);
	if (by > CTRL_RING_SLOTS)
		must(ctrl_serve(c, &notify) == -EPROTO);
	sring->req_prod = prod;
}

static void step(uint8_t kind)
{
	struct xen_netif_ctrl_request req;

	switch (kind % NR_STEPS) {
	case RAW:
	case MENDED:
		if (!take(&req, sizeof(req)))
			return;
		if (kind % NR_STEPS == MENDED)
			mend(&req);
		request(&req);
		break;
	case FILL_TABLE:
		fill_table();
		break;
	case PATCH:
		patch();
		break;
	case DEATH:
	case NONSENSE:
		die(kind % NR_STEPS == NONSENSE);
		prod = sring->rsp_prod;
		break;
	case WILD:
		wild();
		break;
	}
	check_state();
	check_frame();
}

/* --- libFuzzer -------------------------------------------------------------------------------------------- */

static void clean(void)
{
	static const char *const files[] = {"machine", "grants", "mem"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void say_nothing(struct xentoollog_logger *logger, xentoollog_level level, int errnum,
			const char *context, const char *format, va_list ap)
{
	(void)logger, (void)level, (void)errnum, (void)context, (void)format, (void)ap;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct xentoollog_logger silent = {.vmessage = say_nothing};
	static xengntshr_handle *shr;

	(void)argc, (void)argv;
	must(mkdtemp(dir));
	setenv("FAKEXEN_DIR", dir, 1);
	unsetenv("FAKEXEN_DOMID");
	must(machine_create(dir) == 0);
	atexit(clean);
	gnttab = xengnttab_open(&silent, 0);
	shr = xengntshr_open(NULL, 0);
	must(gnttab && shr);
	pages = xengntshr_share_pages(shr, 0, PAGES - 1, ref, 1);
	/* One that cannot be written. */
	must(pages && xengntshr_share_pages(shr, 0, 1, &ref[PAGES - 1], 0));
	sring = aligned_alloc(RING_PAGE_BYTES, RING_PAGE_BYTES);
	must(sring);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t kind;

	data = input;
	left = size;
	if (!take(&prod, sizeof(prod)))
		return 0;
	memset(memory_bytes, 0, sizeof(memory_bytes));
	memset(sring, 0, RING_PAGE_BYTES);
	sring->req_prod = sring->rsp_prod = prod;
	sring->req_event = sring->rsp_event = prod + 1;
	attach();
	if (prod & 1)
		set_up();
	for (unsigned int i = 0; i < STEPS && take(&kind, 1); i++)
		step(kind);
	ctrl_release(c);
	must(guest_pages == 0);
	return 0;
}
