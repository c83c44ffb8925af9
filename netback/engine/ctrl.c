/* SPDX-License-Identifier: MIT */
/* ctrl.c: the operations of the control ring, and the ring itself */
#include "ctrl.h"

#include <errno.h>
#include <string.h>

#include "netback/common/util.h"
#include "netback/engine/ring.h"

/* Short names of netif.h's statuses. */
enum {
	SUCCESS = XEN_NETIF_CTRL_STATUS_SUCCESS,
	NOT_SUPPORTED = XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED,
	INVALID = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER,
	BUFFER_OVERFLOW = XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW,
};

enum {
	TABLE_ENTRIES = CTRL_PAGE_BYTES / sizeof(struct xen_netif_gref),
};

_Static_assert(__CONST_RING_SIZE(xen_netif_ctrl, RING_PAGE_BYTES) == CTRL_RING_SLOTS, "ctrl ring");
_Static_assert(HASH_MAPPING_ENTRIES * sizeof(uint32_t) <= CTRL_PAGE_BYTES, "mapping in a page");

/* Stands behind each store that outlives the engine; a test puts a crash there. */
#ifndef STEP
#define STEP()
#endif

#define compiler_barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* --- the page a request names --------------------------------------------------------------------- */

static bool read_page(struct ctrl *c, uint32_t ref, void *to, size_t bytes)
{
	copy_reset(&c->copy);
	copy_from_guest(&c->copy, ref, 0, to, (uint16_t)bytes);
	copy_flush(&c->copy, c->gnttab);
	return copy_ok(&c->copy, 0, c->copy.nr);
}

static bool write_page(struct ctrl *c, uint32_t ref, const void *from, size_t bytes)
{
	copy_reset(&c->copy);
	copy_to_guest(&c->copy, ref, 0, from, (uint16_t)bytes);
	copy_flush(&c->copy, c->gnttab);
	return copy_ok(&c->copy, 0, c->copy.nr);
}

/* --- hashing ---------------------------------------------------------------------------------------- */

/* The copy that does not count is written, then it counts. */
static uint32_t change(struct ctrl *c, const struct hash_settings *set)
{
	struct memory_ctrl *memory = &c->memory->ctrl;

	c->current = !c->current;
	memory->hash[c->current] = *set;
	compiler_barrier();
	STEP();
	WRITE_ONCE(memory->current, c->current);
	compiler_barrier();
	STEP();
	hash_load(&c->hash, set);
	return SUCCESS;
}

static uint32_t get_hash_flags(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	(void)data;
	if (c->hash.set.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return NOT_SUPPORTED;
	*ret_data = HASH_TYPES;
	return SUCCESS;
}

static uint32_t set_hash_flags(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	struct hash_settings set = c->hash.set;

	(void)ret_data;
	/* netif.h has no status for "no algorithm"; Linux says INVALID_PARAMETER. */
	if (data[0] & ~(uint32_t)HASH_TYPES || set.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return INVALID;
	set.types = data[0];
	return change(c, &set);
}

static uint32_t set_hash_key(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	struct hash_settings set = c->hash.set;

	(void)ret_data;
	if (data[1] > HASH_KEY_BYTES)
		return BUFFER_OVERFLOW;
	memset(set.key, 0, sizeof(set.key));
	if (data[1] && !read_page(c, data[0], set.key, data[1]))
		return INVALID;
	return change(c, &set);
}

static uint32_t get_hash_mapping_size(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	(void)c, (void)data;
	*ret_data = HASH_MAPPING_ENTRIES;
	return SUCCESS;
}

static uint32_t set_hash_mapping_size(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	struct hash_settings set = c->hash.set;

	(void)ret_data;
	if (data[0] > HASH_MAPPING_ENTRIES)
		return INVALID;
	set.nr_mapped = data[0];
	memset(set.mapping, 0, sizeof(set.mapping));
	return change(c, &set);
}

/* len and off are never added before both are known to be small (XSA-270). */
static uint32_t set_hash_mapping(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	struct hash_settings set = c->hash.set;
	uint32_t len = data[1], off = data[2], *entry = (uint32_t *)c->page;

	(void)ret_data;
	if (len > HASH_MAPPING_ENTRIES || off > HASH_MAPPING_ENTRIES - len)
		return BUFFER_OVERFLOW;
	if (off + len > set.nr_mapped)
		return INVALID;
	if (len && !read_page(c, data[0], entry, len * sizeof(*entry)))
		return INVALID;
	for (uint32_t i = 0; i < len; i++) {
		if (entry[i] >= c->nr_queues)
			return INVALID;
		set.mapping[off + i] = (uint8_t)entry[i];
	}
	return change(c, &set);
}

static uint32_t set_hash_algorithm(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	struct hash_settings set = c->hash.set;

	(void)ret_data;
	if (data[0] > XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return INVALID;
	set.algorithm = data[0];
	return change(c, &set);
}

/* --- staging ------------------------------------------------------------------------------------------ */

static uint32_t get_gref_mapping_size(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	if (data[0] >= c->nr_queues)
		return INVALID;
	*ret_data = STAGING_MAX;
	return SUCCESS;
}

static uint32_t add_gref_mapping(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	struct xen_netif_gref *entry = (struct xen_netif_gref *)c->page;
	uint32_t nr = data[2];

	(void)ret_data;
	if (data[0] >= c->nr_queues || nr > TABLE_ENTRIES)
		return INVALID;
	if (nr && !read_page(c, data[1], entry, nr * sizeof(*entry)))
		return INVALID;
	return staging_add(&c->staging[data[0]], entry, nr) < 0 ? INVALID : SUCCESS;
}

/* A table that cannot be written could not tell what became of its entries: then nothing is taken out. */
static uint32_t del_gref_mapping(struct ctrl *c, const uint32_t data[3], uint32_t *ret_data)
{
	struct xen_netif_gref *entry = (struct xen_netif_gref *)c->page;
	uint32_t nr = data[2];
	size_t bytes = nr * sizeof(*entry);

	if (data[0] >= c->nr_queues || nr > TABLE_ENTRIES)
		return INVALID;
	if (nr == 0)
		return SUCCESS;
	if (!read_page(c, data[1], entry, bytes) || !write_page(c, data[1], entry, bytes))
		return INVALID;
	*ret_data = staging_del(&c->staging[data[0]], entry, nr);
	write_page(c, data[1], entry, bytes);
	return SUCCESS;
}

/* --- the ring ------------------------------------------------------------------------------------------- */

/* Each returns the response's status and may set its data. */
static uint32_t (*const operations[])(struct ctrl *c, const uint32_t data[3],
				      uint32_t *ret_data) = {
	[XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS] = get_hash_flags,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS] = set_hash_flags,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_KEY] = set_hash_key,
	[XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE] = get_hash_mapping_size,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE] = set_hash_mapping_size,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING] = set_hash_mapping,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM] = set_hash_algorithm,
	[XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE] = get_gref_mapping_size,
	[XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING] = add_gref_mapping,
	[XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING] = del_gref_mapping,
};

static void run(struct ctrl *c, const struct xen_netif_ctrl_request *req,
		struct xen_netif_ctrl_response *ret_rsp)
{
	*ret_rsp = (struct xen_netif_ctrl_response){
		.id = req->id,
		.type = req->type,
		.status = NOT_SUPPORTED,
	};
	if (req->type < ARRAY_SIZE(operations) && operations[req->type])
		ret_rsp->status = operations[req->type](c, req->data, &ret_rsp->data);
}

static int unconsumed(const struct ctrl *c)
{
	RING_IDX prod = READ_ONCE(c->ring.sring->req_prod);

	/* The request is read after req_prod; pairs as [take] in ring.h. */
	xen_rmb();
	return ring_count_of(CTRL_RING_SLOTS, prod, c->ring.req_cons, c->ring.rsp_prod_pvt);
}

static void set_open(struct memory_ctrl *memory, uint32_t is_open)
{
	compiler_barrier();
	WRITE_ONCE(memory->is_open, is_open);
	compiler_barrier();
	STEP();
}

static void write_slot(xen_netif_ctrl_sring_t *sring, RING_IDX idx,
		       const struct xen_netif_ctrl_response *rsp)
{
	memcpy(&sring->ring[idx % CTRL_RING_SLOTS].rsp, rsp, sizeof(*rsp));
	STEP();
	/* Before rsp_prod; pairs as [publish] in ring.h. */
	xen_wmb();
}

static bool publish(struct ctrl *c, const struct xen_netif_ctrl_response *rsp)
{
	struct memory_ctrl *memory = &c->memory->ctrl;
	xen_netif_ctrl_sring_t *sring = c->ring.sring;
	RING_IDX old = c->ring.rsp_prod_pvt++;

	memory->start = old;
	memory->rsp = *rsp;
	STEP();
	set_open(memory, 1);
	write_slot(sring, old, rsp);
	WRITE_ONCE(sring->rsp_prod, old + 1);
	STEP();
	set_open(memory, 0);
	/* It sees rsp_prod or we see rsp_event; pairs as [notify] in ring.h. */
	xen_mb();
	return READ_ONCE(sring->rsp_event) == old + 1;
}

/* Finish what an engine had begun to publish on this ring. */
static void replay(struct ctrl *c, xen_netif_ctrl_sring_t *sring)
{
	struct memory_ctrl *memory = &c->memory->ctrl;
	const struct xen_netif_ctrl_response rsp = memory->rsp;
	RING_IDX start = memory->start;

	if (memory->ring_ref != c->refs.ring_ref)
		set_open(memory, 0);
	memory->ring_ref = c->refs.ring_ref;
	STEP();
	/* A ring that has moved already, or has no request there, is none of its business. */
	if (memory->is_open && READ_ONCE(sring->rsp_prod) == start &&
	    READ_ONCE(sring->req_prod) != start) {
		write_slot(sring, start, &rsp);
		WRITE_ONCE(sring->rsp_prod, start + 1);
		STEP();
	}
	set_open(memory, 0);
}

static void recall_settings(struct ctrl *c)
{
	const struct memory_ctrl *memory = &c->memory->ctrl;
	struct hash_settings set;

	c->current = memory->current & 1;
	set = memory->hash[c->current];
	if (!hash_settings_valid(&set, c->nr_queues))
		memset(&set, 0, sizeof(set));
	hash_load(&c->hash, &set);
}

int ctrl_attach(struct ctrl *c, xen_netif_ctrl_sring_t *sring, xengnttab_handle *gnttab)
{
	RING_IDX rsp_prod, req_prod;

	replay(c, sring);
	rsp_prod = READ_ONCE(sring->rsp_prod);
	req_prod = READ_ONCE(sring->req_prod);
	if (ring_count_of(CTRL_RING_SLOTS, req_prod, rsp_prod, rsp_prod) < 0)
		return -EPROTO;

	BACK_RING_ATTACH(&c->ring, sring, rsp_prod, RING_PAGE_BYTES);
	c->gnttab = gnttab;
	copy_init(&c->copy, c->domid);
	recall_settings(c);
	for (unsigned int i = 0; i < c->nr_queues; i++) {
		staging_init(&c->staging[i], gnttab, c->domid, c->guest_pages,
			     &c->memory->staging[i]);
		staging_recall(&c->staging[i]);
	}
	return 0;
}

void ctrl_release(struct ctrl *c)
{
	for (unsigned int i = 0; i < c->nr_queues; i++)
		staging_release(&c->staging[i]);
}

int ctrl_serve(struct ctrl *c, bool *ret_notify)
{
	struct xen_netif_ctrl_request req;
	struct xen_netif_ctrl_response rsp;
	int count = unconsumed(c);

	if (count <= 0)
		return count;

	RING_COPY_REQUEST(&c->ring, c->ring.req_cons++, &req);
	run(c, &req, &rsp);
	*ret_notify = publish(c, &rsp);
	return 1;
}

int ctrl_arm(struct ctrl *c)
{
	int count = unconsumed(c);

	if (count == 0) {
		WRITE_ONCE(c->ring.sring->req_event, c->ring.req_cons + 1);
		/* We see its req_prod or it sees our req_event; pairs as [arm] in ring.h. */
		xen_mb();
		count = unconsumed(c);
	}
	return min(count, 1);
}
