/* SPDX-License-Identifier: MIT */
/* libxengnttab over the fake machine: map, copy, share. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xengnttab.h>
#include <xentoollog.h>

enum {
	COPY_BATCH = 16,     /* GNTDEV_COPY_BATCH of the kernel: ops a hypercall */
	MAP_LIMIT = 64 << 10 /* gntdev's limit on the pages of one request */
};

struct xengntdev_handle {
	int fd;
	struct xentoollog_logger *logger; /* NULL: the true library would make one for stderr */
};

/*
 * A run of pages that this process has mapped, of other domains (ids are
 * maptrack handles) or of its own (ids are grant references). As in the kernel
 * it outlives the handle: munmap or the end of the process gives it back.
 */
struct region {
	struct region *next;
	uint8_t *addr;
	uint32_t count, left;
	uint32_t ids[];
};

static pthread_mutex_t regions_lock = PTHREAD_MUTEX_INITIALIZER;
static struct region *maps, *shares;

/* A child may not use or give back what the parent holds. */
static void forget_parent(void)
{
	pthread_mutex_init(&regions_lock, NULL);
	maps = NULL;
	shares = NULL;
}

static void hook_fork(void)
{
	pthread_atfork(NULL, NULL, forget_parent);
}

static struct xengntdev_handle *open_handle(struct xentoollog_logger *logger)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct xengntdev_handle *h;
	int rc;

	pthread_once(&once, hook_fork);
	rc = machine_attach();
	if (rc) {
		errno = -rc;
		return NULL;
	}
	h = malloc(sizeof(*h));
	if (!h)
		return NULL;
	h->fd = fcntl(machine_view.mem_fd, F_DUPFD_CLOEXEC, 3);
	if (h->fd < 0) {
		free(h);
		return NULL;
	}
	h->logger = logger;
	return h;
}

static void to_logger(struct xentoollog_logger *logger, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	logger->vmessage(logger, XTL_ERROR, errno, "gnttab", format, ap);
	va_end(ap);
}

/* As loud as the true library: an error of the device is a line, on stderr if the caller has no logger. */
static void complain(const struct xengntdev_handle *h, const char *what)
{
	int saved = errno;

	if (h->logger)
		to_logger(h->logger, "%s", what);
	else
		fprintf(stderr, "gnttab: error: %s: %s\n", what, strerror(saved));
	errno = saved;
}

static int close_handle(struct xengntdev_handle *h)
{
	if (!h)
		return 0;
	close(h->fd);
	free(h);
	return 0;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
	(void)flags;
	return open_handle(logger);
}

int xengnttab_close(xengnttab_handle *h)
{
	return close_handle(h);
}

int xengnttab_fd(xengnttab_handle *h)
{
	return h->fd;
}

int xengnttab_set_max_grants(xengnttab_handle *h, uint32_t nr)
{
	(void)h;
	(void)nr;
	return 0;
}

static void add_region(struct region **list, struct region *r)
{
	pthread_mutex_lock(&regions_lock);
	r->next = *list;
	*list = r;
	pthread_mutex_unlock(&regions_lock);
}

static struct region *new_region(uint32_t count)
{
	size_t len = (size_t)count * MACHINE_PAGE;
	struct region *r = malloc(sizeof(*r) + count * sizeof(r->ids[0]));

	if (!r)
		return NULL;
	r->addr = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->addr == MAP_FAILED) {
		free(r);
		return NULL;
	}
	r->count = r->left = count;
	return r;
}

static void free_region(struct region *r)
{
	munmap(r->addr, (size_t)r->count * MACHINE_PAGE);
	free(r);
}

static int place_page(struct region *r, uint32_t i, uint32_t slot, uint32_t frame, int prot)
{
	void *p =
		mmap(r->addr + (size_t)i * MACHINE_PAGE, MACHINE_PAGE, prot, MAP_SHARED | MAP_FIXED,
		     machine_view.mem_fd, machine_frame_offset(slot, frame));

	return p == MAP_FAILED ? -errno : 0;
}

struct map_request {
	uint32_t count;
	const uint32_t *domids;
	uint32_t one_domid; /* domids has one element */
	const uint32_t *refs;
	int prot;
	uint32_t notify_offset;
	evtchn_port_t notify_port;
};

/* All or nothing. Lock held. */
static int map_pages(struct region *r, const struct map_request *q)
{
	uint32_t i, slot, frame;
	int rc = 0;

	machine_count(map_hypercalls, 1);
	for (i = 0; i < q->count && !rc; i++) {
		uint32_t domid = q->domids[q->one_domid ? 0 : i];
		int track = grant_map(domid, q->refs[i], q->prot & PROT_WRITE, &slot, &frame);

		/* gntdev tells of any failure of Xen's by EINVAL */
		if (track < 0) {
			rc = -EINVAL;
			break;
		}
		r->ids[i] = track;
		rc = place_page(r, i, slot, frame, q->prot);
	}
	if (rc)
		while (i--)
			grant_unmap(r->ids[i]);
	return rc;
}

static int set_notify(const struct region *r, const struct map_request *q)
{
	struct machine_maptrack *t = &machine_view.m->maptrack[r->ids[0]];
	struct machine_port *ports = machine_domain(machine_view.slot)->ports;

	if (q->notify_offset < MACHINE_PAGE) {
		if (!(q->prot & PROT_WRITE))
			return -EINVAL;
		t->notify_offset = q->notify_offset;
	}
	if (q->notify_port != MACHINE_NONE) {
		if (q->notify_port >= MACHINE_PORTS ||
		    port_state(ports[q->notify_port].link) == PORT_FREE)
			return -EINVAL;
		t->notify_slot = machine_view.slot;
		t->notify_port = q->notify_port;
	}
	return 0;
}

static void *map(const struct xengntdev_handle *h, const struct map_request *q)
{
	struct region *r;
	int rc;

	if (q->count == 0 || q->count > MAP_LIMIT) {
		errno = EINVAL;
		return NULL;
	}
	r = new_region(q->count);
	if (!r)
		return NULL;
	machine_lock();
	rc = map_pages(r, q);
	if (!rc) {
		rc = set_notify(r, q);
		if (rc)
			grant_unmap(r->ids[0]);
	}
	machine_unlock();
	if (rc) {
		free_region(r);
		errno = -rc;
		complain(h, "ioctl MAP_GRANT_REF failed");
		return NULL;
	}
	add_region(&maps, r);
	return r->addr;
}

void *xengnttab_map_grant_ref(xengnttab_handle *h, uint32_t domid, uint32_t ref, int prot)
{
	return xengnttab_map_grant_ref_notify(h, domid, ref, prot, MACHINE_NONE, MACHINE_NONE);
}

void *xengnttab_map_grant_refs(xengnttab_handle *h, uint32_t count, uint32_t *domids,
			       uint32_t *refs, int prot)
{
	struct map_request q = {count, domids, 0, refs, prot, MACHINE_NONE, MACHINE_NONE};

	return map(h, &q);
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *h, uint32_t count, uint32_t domid,
				      uint32_t *refs, int prot)
{
	struct map_request q = {count, &domid, 1, refs, prot, MACHINE_NONE, MACHINE_NONE};

	return map(h, &q);
}

void *xengnttab_map_grant_ref_notify(xengnttab_handle *h, uint32_t domid, uint32_t ref, int prot,
				     uint32_t notify_offset, evtchn_port_t notify_port)
{
	struct map_request q = {1, &domid, 1, &ref, prot, notify_offset, notify_port};

	return map(h, &q);
}

/* Take the region that begins at addr (whole) or contains it off the list. */
static struct region *find_region(struct region **list, uint8_t *addr, uint32_t count, bool whole)
{
	struct region **p;

	for (p = list; *p; p = &(*p)->next) {
		struct region *r = *p;
		uint8_t *end = r->addr + (size_t)r->count * MACHINE_PAGE;

		if (whole ? addr != r->addr || count != r->count
			  : addr < r->addr || addr + (size_t)count * MACHINE_PAGE > end)
			continue;
		if (!whole && count < r->left) {
			r->left -= count;
			return r;
		}
		r->left = 0;
		*p = r->next;
		return r;
	}
	return NULL;
}

int xengnttab_unmap(xengnttab_handle *h, void *start, uint32_t count)
{
	struct region *r;
	uint32_t i;

	(void)h;
	pthread_mutex_lock(&regions_lock);
	r = find_region(&maps, start, count, true);
	pthread_mutex_unlock(&regions_lock);
	if (!r) {
		errno = EINVAL;
		return -1;
	}
	machine_lock();
	for (i = 0; i < count; i++)
		grant_unmap(r->ids[i]);
	machine_unlock();
	free_region(r);
	return 0;
}

/* One operation of the batch that the kernel hands to Xen. */
struct copy_op {
	xengnttab_grant_copy_segment_t *seg;
	uint16_t done, len;
};

struct copy_batch {
	struct copy_op ops[COPY_BATCH];
	unsigned int nr;
	uint32_t seen;
};

static int16_t find_bytes(const union xengnttab_copy_ptr *ptr, bool gref, bool write,
			  const struct copy_op *op, uint32_t *seen, uint8_t **bytes)
{
	uint8_t *page;
	int16_t rc;

	if (!gref) {
		*bytes = (uint8_t *)ptr->virt + op->done;
		return GNTST_okay;
	}
	rc = grant_access(ptr->foreign.domid, ptr->foreign.ref, write, seen, &page);
	if (rc == GNTST_okay)
		*bytes = page + ptr->foreign.offset + op->done;
	return rc;
}

static int16_t do_op(const struct copy_op *op, uint32_t *seen)
{
	const xengnttab_grant_copy_segment_t *s = op->seg;
	uint8_t *src, *dst;
	int16_t rc;

	rc = find_bytes(&s->source, s->flags & GNTCOPY_source_gref, false, op, seen, &src);
	if (rc == GNTST_okay)
		rc = find_bytes(&s->dest, s->flags & GNTCOPY_dest_gref, true, op, seen, &dst);
	if (rc == GNTST_okay)
		memmove(dst, src, op->len);
	return rc;
}

static void flush(struct copy_batch *b)
{
	uint64_t bytes = 0;

	machine_count(copy_hypercalls, 1);
	for (unsigned int i = 0; i < b->nr; i++) {
		const struct copy_op *op = &b->ops[i];
		int16_t rc = op->done == 0 ? machine_fault(FAULT_GRANT_COPY) : 0;

		if (!rc)
			rc = do_op(op, &b->seen);
		if (!rc)
			bytes += op->len;
		else if (op->seg->status == GNTST_okay) {
			op->seg->status = rc;
			machine_count(copy_failed, 1);
		}
	}
	machine_count(copy_bytes, bytes);
	b->nr = 0;
}

static bool crosses_page(const xengnttab_grant_copy_segment_t *s)
{
	return ((s->flags & GNTCOPY_source_gref) &&
		s->source.foreign.offset + s->len > MACHINE_PAGE) ||
	       ((s->flags & GNTCOPY_dest_gref) && s->dest.foreign.offset + s->len > MACHINE_PAGE);
}

static unsigned int room(const void *local, uint16_t done)
{
	return MACHINE_PAGE - ((uintptr_t)local + done) % MACHINE_PAGE;
}

/* As gntdev: local memory is split at pages, an op each. */
static void add_segment(struct copy_batch *b, xengnttab_grant_copy_segment_t *s)
{
	unsigned int done, len;

	s->status = GNTST_okay;
	for (done = 0; done < s->len; done += len) {
		len = s->len - done;
		if (!(s->flags & GNTCOPY_source_gref) && len > room(s->source.virt, done))
			len = room(s->source.virt, done);
		if (!(s->flags & GNTCOPY_dest_gref) && len > room(s->dest.virt, done))
			len = room(s->dest.virt, done);
		if (b->nr == COPY_BATCH)
			flush(b);
		b->ops[b->nr++] = (struct copy_op){s, done, len};
	}
}

int xengnttab_grant_copy(xengnttab_handle *h, uint32_t count, xengnttab_grant_copy_segment_t *segs)
{
	struct copy_batch b = {.nr = 0, .seen = MACHINE_NONE};
	uint32_t i;

	(void)h;
	machine_count(copy_ioctls, 1);
	for (i = 0; i < count; i++) {
		/*
		 * gntdev gives up at once: what waits in the unfinished batch is
		 * not copied, though its status already says okay.
		 */
		if (!(segs[i].flags & (GNTCOPY_source_gref | GNTCOPY_dest_gref)) ||
		    crosses_page(&segs[i])) {
			errno = EINVAL;
			return -1;
		}
		add_segment(&b, &segs[i]);
		machine_count(copy_segments, 1);
	}
	if (b.nr)
		flush(&b);
	return 0;
}

/* dma-buf export is a build option of gntdev that Debian's kernel lacks. */
int xengnttab_dmabuf_exp_from_refs(xengnttab_handle *h, uint32_t domid, uint32_t flags,
				   uint32_t count, const uint32_t *refs, uint32_t *fd)
{
	(void)h, (void)domid, (void)flags, (void)count, (void)refs, (void)fd;
	errno = ENOTTY;
	return -1;
}

int xengnttab_dmabuf_exp_wait_released(xengnttab_handle *h, uint32_t fd, uint32_t wait_to_ms)
{
	(void)h, (void)fd, (void)wait_to_ms;
	errno = ENOTTY;
	return -1;
}

int xengnttab_dmabuf_imp_to_refs(xengnttab_handle *h, uint32_t domid, uint32_t fd, uint32_t count,
				 uint32_t *refs)
{
	(void)h, (void)domid, (void)fd, (void)count, (void)refs;
	errno = ENOTTY;
	return -1;
}

int xengnttab_dmabuf_imp_release(xengnttab_handle *h, uint32_t fd)
{
	(void)h, (void)fd;
	errno = ENOTTY;
	return -1;
}

xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger, unsigned flags)
{
	(void)flags;
	return open_handle(logger);
}

int xengntshr_close(xengntshr_handle *h)
{
	return close_handle(h);
}

int xengntshr_fd(xengntshr_handle *h)
{
	return h->fd;
}

/* All or nothing. Lock held. */
static int share_pages(struct region *r, uint32_t domid, bool writable)
{
	uint32_t i, frame;
	int rc = 0;

	for (i = 0; i < r->count; i++) {
		rc = machine_fault(FAULT_SHARE);
		if (!rc)
			rc = grant_share(domid, !writable, &r->ids[i], &frame);
		if (rc)
			break;
		rc = place_page(r, i, machine_view.slot, frame, PROT_READ | PROT_WRITE);
		if (rc) {
			grant_end(machine_view.slot, r->ids[i]);
			break;
		}
	}
	if (rc)
		while (i--)
			grant_end(machine_view.slot, r->ids[i]);
	return rc;
}

void *xengntshr_share_pages(xengntshr_handle *h, uint32_t domid, int count, uint32_t *refs,
			    int writable)
{
	struct region *r;
	int rc;

	(void)h;
	if (count <= 0) {
		errno = EINVAL;
		return NULL;
	}
	r = new_region(count);
	if (!r)
		return NULL;
	machine_lock();
	machine_reap_all();
	rc = share_pages(r, domid, writable);
	machine_unlock();
	if (rc) {
		free_region(r);
		errno = -rc;
		return NULL;
	}
	memcpy(refs, r->ids, count * sizeof(*refs));
	add_region(&shares, r);
	return r->addr;
}

void *xengntshr_share_page_notify(xengntshr_handle *h, uint32_t domid, uint32_t *ref, int writable,
				  uint32_t notify_offset, evtchn_port_t notify_port)
{
	uint8_t *page = xengntshr_share_pages(h, domid, 1, ref, writable);
	struct machine_active *a;

	if (!page)
		return NULL;
	a = &machine_domain(machine_view.slot)->active[*ref];
	machine_lock();
	a->notify_offset = notify_offset < MACHINE_PAGE ? notify_offset : MACHINE_NONE;
	a->notify_port = notify_port;
	machine_unlock();
	return page;
}

/* As munmap of the pages: grants end with the last page of one share call. */
int xengntshr_unshare(xengntshr_handle *h, void *start, uint32_t count)
{
	struct region *r;
	bool last;

	(void)h;
	pthread_mutex_lock(&regions_lock);
	r = count ? find_region(&shares, start, count, false) : NULL;
	last = r && r->left == 0;
	pthread_mutex_unlock(&regions_lock);
	if (!r) {
		errno = EINVAL;
		return -1;
	}
	if (!last)
		return munmap(start, (size_t)count * MACHINE_PAGE);
	machine_lock();
	for (uint32_t i = 0; i < r->count; i++)
		grant_end(machine_view.slot, r->ids[i]);
	machine_unlock();
	/* Parts unmapped before may be somebody else's memory by now. */
	munmap(start, (size_t)count * MACHINE_PAGE);
	free(r);
	return 0;
}
