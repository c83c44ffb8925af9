/* SPDX-License-Identifier: MIT -- the keys of one vif in xenstore, read and written by their schema */
#include "nfstore.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <stdio.h>

enum {
	TRANSACTION_TRIES = 100
};

static const char WATCH_TOKEN[] = "backend-state";

static void *read_path(struct netfront *nf, const char *path, unsigned int *len)
{
	*len = 0;
	return xs_read(nf->xs, XBT_NULL, path, len);
}

static void *read_own(struct netfront *nf, enum xs_key key, unsigned int *len)
{
	char path[KEYVAL_PATH_SIZE];

	*len = 0;
	if (!keyval_key_path(path, sizeof(path), key, &nf->vif))
		return NULL;
	return read_path(nf, path, len);
}

/* The backend's directory is what the toolstack wrote, not what the schema would guess. */
static void *read_backend(struct netfront *nf, enum xs_key key, unsigned int *len)
{
	char path[2 * KEYVAL_PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", nf->be_dir, xsk_name(key));
	return read_path(nf, path, len);
}

static void complain(struct netfront *nf, enum xs_key key, enum keyval_verdict verdict,
		     const char *val, unsigned int len)
{
	char why[KEYVAL_EXPLAIN_SIZE];

	if (verdict == KEYVAL_IGNORED || verdict == KEYVAL_REFUSE)
		fault_raise(&nf->faults, NF_FAULT_KEYS, "%s",
			    keyval_explain(key, val, len, why, sizeof(why)));
}

/* xenvif reads booleans by strtol(..., 2): what is not 0 or 1 there is a lost feature. */
static void check_base2(struct netfront *nf, enum xs_key key, const char *val)
{
	char *end;
	long value;

	if (!nf->config.profile.base2 || !val)
		return;
	value = strtol(val, &end, 2);
	if (end == val || *end || value < 0 || value > 1)
		fault_raise(&nf->faults, NF_FAULT_KEYS, "%s: %s is no number of base 2",
			    xsk_name(key), val);
}

bool nfstore_backend_bool(struct netfront *nf, enum xs_key key)
{
	unsigned int len;
	char *val = read_backend(nf, key, &len);
	bool value = false;

	check_base2(nf, key, val);
	complain(nf, key, keyval_bool(key, val, len, &value), val, len);
	free(val);
	return value;
}

uint32_t nfstore_backend_uint(struct netfront *nf, enum xs_key key, bool *present)
{
	unsigned int len;
	char *val = read_backend(nf, key, &len);
	uint32_t value = 0;

	complain(nf, key, keyval_uint(key, val, len, &value), val, len);
	*present = val != NULL;
	free(val);
	return value;
}

char *nfstore_backend_text(struct netfront *nf, enum xs_key key)
{
	unsigned int len;

	return read_backend(nf, key, &len);
}

unsigned int nfstore_backend_state(struct netfront *nf)
{
	unsigned int len, state = XenbusStateUnknown;
	char *val = read_backend(nf, XSK_BE_STATE, &len);

	complain(nf, XSK_BE_STATE, keyval_state(XSK_BE_STATE, val, len, &state), val, len);
	free(val);
	return state;
}

unsigned int nfstore_own_state(struct netfront *nf)
{
	unsigned int len, state = XenbusStateUnknown;
	char *val = read_own(nf, XSK_FE_STATE, &len);

	if (keyval_state(XSK_FE_STATE, val, len, &state) != KEYVAL_OK)
		state = XenbusStateUnknown;
	free(val);
	return state;
}

static int find_domid(struct netfront *nf)
{
	unsigned int len;
	uint32_t domid = 0;
	char *val;

	if (nf->config.domid >= 0) {
		nf->vif.domid = nf->config.domid;
		return 0;
	}
	/* A relative path is resolved against the caller's own domain. */
	val = read_path(nf, xsk_name(XSK_DOM_DOMID), &len);
	if (!val || keyval_uint(XSK_DOM_DOMID, val, len, &domid) != KEYVAL_OK) {
		fprintf(stderr,
			"netfront-shim: xenstore does not tell our domain id; use --domid\n");
		free(val);
		return -ENOENT;
	}
	free(val);
	nf->vif.domid = domid;
	return 0;
}

static int find_backend(struct netfront *nf)
{
	unsigned int len;
	uint32_t id = 0;
	char *val;
	bool ok;

	if (nf->config.backend_domid >= 0) {
		nf->vif.backend = nf->config.backend_domid;
		ok = keyval_dir_path(nf->be_dir, sizeof(nf->be_dir), XS_DIR_BE, &nf->vif);
		return ok ? 0 : -EINVAL;
	}
	val = read_own(nf, XSK_FE_BACKEND_ID, &len);
	ok = keyval_uint(XSK_FE_BACKEND_ID, val, len, &id) == KEYVAL_OK;
	free(val);
	nf->vif.backend = id;
	val = ok ? read_own(nf, XSK_FE_BACKEND, &len) : NULL;
	ok = ok &&
	     keyval_string(XSK_FE_BACKEND, val, len, nf->be_dir, sizeof(nf->be_dir)) == KEYVAL_OK;
	free(val);
	return ok ? 0 : -ENODEV;
}

static void find_addresses(struct netfront *nf)
{
	unsigned int len;
	uint32_t mtu = 0;
	enum xs_key key = nf->config.profile.mac_from_be ? XSK_BE_MAC : XSK_FE_MAC;
	char *val = key == XSK_BE_MAC ? read_backend(nf, key, &len) : read_own(nf, key, &len);

	if (keyval_mac(key, val, len, nf->mac) != KEYVAL_OK) {
		uint8_t fallback[6] = {0x00, 0x16, 0x3e, 0, nf->vif.domid, nf->vif.devid};

		memcpy(nf->mac, fallback, sizeof(nf->mac));
	}
	free(val);
	val = read_own(nf, XSK_FE_MTU, &len);
	if (keyval_uint(XSK_FE_MTU, val, len, &mtu) == KEYVAL_REFUSE || !mtu)
		mtu = 1500;
	nf->mtu = mtu;
	free(val);
	if (!nf->config.profile.reads_ip)
		return;
	val = read_backend(nf, XSK_BE_IP, &len);
	if (keyval_string(XSK_BE_IP, val, len, nf->ip, sizeof(nf->ip)) != KEYVAL_OK)
		nf->ip[0] = '\0';
	free(val);
}

int nfstore_find(struct netfront *nf)
{
	char path[2 * KEYVAL_PATH_SIZE];
	int err;

	nf->vif.devid = nf->config.devid;
	err = find_domid(nf);
	if (!err)
		err = find_backend(nf);
	if (err)
		return err;
	find_addresses(nf);
	nf->fe_state = nfstore_own_state(nf);
	snprintf(path, sizeof(path), "%s/%s", nf->be_dir, xsk_name(XSK_BE_STATE));
	return xs_watch(nf->xs, path, WATCH_TOKEN) ? 0 : -errno;
}

static int write_key(struct netfront *nf, xs_transaction_t t, const char *path, const char *text,
		     size_t len)
{
	return xs_write(nf->xs, t, path, text, len) ? 0 : -errno;
}

/* Path of a key of ours; the ring keys stand flat with one queue, in queue-N with more. */
static bool own_path(char *buf, size_t size, const struct netfront *nf, unsigned int queues,
		     unsigned int queue, enum xs_key key)
{
	char dir[KEYVAL_PATH_SIZE], rel[64];

	if (xs_keys[key].dir != XS_DIR_QUEUE)
		return keyval_key_path(buf, size, key, &nf->vif);
	return keyval_dir_path(dir, sizeof(dir), XS_DIR_FE, &nf->vif) &&
	       keyval_queue_path(rel, sizeof(rel), queues, queue, key) &&
	       snprintf(buf, size, "%s/%s", dir, rel) < (int)size;
}

int nfstore_write_text(struct netfront *nf, enum xs_key key, const char *text, size_t len)
{
	char path[KEYVAL_PATH_SIZE];

	if (!own_path(path, sizeof(path), nf, nf->nr_queues ? nf->nr_queues : 1, 0, key))
		return -EINVAL;
	return write_key(nf, XBT_NULL, path, text, len);
}

int nfstore_write_state(struct netfront *nf, unsigned int state)
{
	char text[KEYVAL_NUMBER_SIZE];

	/* Not keyval_format_uint(): states out of bounds are written too, on demand. */
	snprintf(text, sizeof(text), "%u", state);
	return nfstore_write_text(nf, XSK_FE_STATE, text, strlen(text));
}

static int write_number(struct netfront *nf, xs_transaction_t t, enum xs_key key, uint32_t number)
{
	char path[KEYVAL_PATH_SIZE], text[KEYVAL_NUMBER_SIZE];
	size_t len = keyval_format_uint(key, number, text);

	if (!len || !keyval_key_path(path, sizeof(path), key, &nf->vif))
		return -EINVAL;
	return write_key(nf, t, path, text, len);
}

static int write_queue_key(struct netfront *nf, xs_transaction_t t, unsigned int queue,
			   enum xs_key key, uint32_t number)
{
	char path[KEYVAL_PATH_SIZE], text[KEYVAL_NUMBER_SIZE];
	size_t len = keyval_format_uint(key, number, text);

	if (!len || !own_path(path, sizeof(path), nf, nf->nr_queues, queue, key))
		return -EINVAL;
	return write_key(nf, t, path, text, len);
}

static int write_queue(struct netfront *nf, xs_transaction_t t, unsigned int index)
{
	const struct nfqueue *q = &nf->queue[index];
	int err = write_queue_key(nf, t, index, XSK_FE_TX_RING_REF, q->tx_ref);

	if (!err)
		err = write_queue_key(nf, t, index, XSK_FE_RX_RING_REF, q->rx_ref);
	if (err)
		return err;
	if (!q->split)
		return write_queue_key(nf, t, index, XSK_FE_EVENT_CHANNEL, q->tx_port);
	err = write_queue_key(nf, t, index, XSK_FE_EVENT_CHANNEL_TX, q->tx_port);
	if (!err)
		err = write_queue_key(nf, t, index, XSK_FE_EVENT_CHANNEL_RX, q->rx_port);
	return err;
}

static void remove_stale(struct netfront *nf, xs_transaction_t t)
{
	static const enum xs_key flat[] = {
		XSK_FE_TX_RING_REF,	 XSK_FE_RX_RING_REF,	    XSK_FE_EVENT_CHANNEL,
		XSK_FE_EVENT_CHANNEL_TX, XSK_FE_EVENT_CHANNEL_RX,   XSK_FE_MULTI_QUEUE_NUM_QUEUES,
		XSK_FE_CTRL_RING_REF,	 XSK_FE_EVENT_CHANNEL_CTRL, XSK_FE_XDP_HEADROOM,
	};
	struct keyval_vif vif = nf->vif;
	char path[KEYVAL_PATH_SIZE];

	for (size_t i = 0; i < sizeof(flat) / sizeof(flat[0]); i++)
		if (own_path(path, sizeof(path), nf, 1, 0, flat[i]))
			xs_rm(nf->xs, t, path);
	for (vif.queue = 0; vif.queue < NETFRONT_MAX_QUEUES; vif.queue++)
		if (keyval_dir_path(path, sizeof(path), XS_DIR_QUEUE, &vif))
			xs_rm(nf->xs, t, path);
}

static int write_features(struct netfront *nf, xs_transaction_t t)
{
	const struct netfront_profile *profile = &nf->config.profile;
	const struct {
		enum xs_key key;
		bool on;
	} feature[] = {
		{XSK_FE_REQUEST_RX_COPY, true},
		{XSK_FE_FEATURE_RX_NOTIFY, profile->rx_notify},
		{XSK_FE_FEATURE_SG, nf->rx_caps.sg},
		{XSK_FE_FEATURE_GSO_TCPV4, nf->rx_caps.gso4},
		{XSK_FE_FEATURE_GSO_TCPV6, nf->rx_caps.gso6},
		{XSK_FE_FEATURE_NO_CSUM_OFFLOAD, !nf->rx_caps.csum4},
		{XSK_FE_FEATURE_IPV6_CSUM_OFFLOAD, nf->rx_caps.csum6},
		{XSK_FE_REQUEST_MULTICAST_CONTROL, nf->config.setup.mcast == NFSETUP_MCAST_STATIC},
	};
	char path[KEYVAL_PATH_SIZE];
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(feature) / sizeof(feature[0]); i++) {
		if (feature[i].on || profile->explicit_zero)
			err = write_number(nf, t, feature[i].key, feature[i].on);
		else if (keyval_key_path(path, sizeof(path), feature[i].key, &nf->vif))
			xs_rm(nf->xs, t, path);
	}
	return err;
}

static bool has_queues_key(struct netfront *nf)
{
	enum profile_queues_key when = nf->config.profile.queues_key;
	bool offered = false;

	if (when == PROFILE_QUEUES_IF_OFFERED)
		nfstore_backend_uint(nf, XSK_BE_MULTI_QUEUE_MAX_QUEUES, &offered);
	return offered || when == PROFILE_QUEUES_ALWAYS;
}

static int write_setup(struct netfront *nf, xs_transaction_t t)
{
	const struct nfsetup_config *config = &nf->config.setup;
	int err = 0;

	if (nf->setup.open)
		err = write_number(nf, t, XSK_FE_CTRL_RING_REF, nf->setup.ring_ref);
	if (!err && nf->setup.open)
		err = write_number(nf, t, XSK_FE_EVENT_CHANNEL_CTRL, nf->setup.port);
	if (!err && config->headroom && !config->headroom_late)
		err = write_number(nf, t, XSK_FE_XDP_HEADROOM, config->headroom);
	return err;
}

static int write_all(struct netfront *nf, xs_transaction_t t)
{
	int err;

	remove_stale(nf, t);
	err = write_features(nf, t);
	if (!err)
		err = write_setup(nf, t);
	if (!err && has_queues_key(nf))
		err = write_number(nf, t, XSK_FE_MULTI_QUEUE_NUM_QUEUES, nf->nr_queues);
	for (unsigned int i = 0; !err && i < nf->nr_queues; i++)
		err = write_queue(nf, t, i);
	return err;
}

int nfstore_publish(struct netfront *nf)
{
	for (int i = 0; i < TRANSACTION_TRIES; i++) {
		xs_transaction_t t = xs_transaction_start(nf->xs);
		int err;

		if (t == XBT_NULL)
			return -errno;
		err = write_all(nf, t);
		if (xs_transaction_end(nf->xs, t, err != 0))
			return err;
		if (err || errno != EAGAIN)
			return err ? err : -errno;
		usleep(1000 * i); /* somebody else wrote: let them finish */
	}
	return -EAGAIN;
}

void nfstore_retract(struct netfront *nf)
{
	static const enum xs_key feature[] = {
		XSK_FE_REQUEST_RX_COPY,
		XSK_FE_FEATURE_RX_NOTIFY,
		XSK_FE_FEATURE_SG,
		XSK_FE_FEATURE_GSO_TCPV4,
		XSK_FE_FEATURE_GSO_TCPV6,
		XSK_FE_FEATURE_NO_CSUM_OFFLOAD,
		XSK_FE_FEATURE_IPV6_CSUM_OFFLOAD,
		XSK_FE_REQUEST_MULTICAST_CONTROL,
	};
	char path[KEYVAL_PATH_SIZE];

	remove_stale(nf, XBT_NULL);
	for (size_t i = 0; i < sizeof(feature) / sizeof(feature[0]); i++)
		if (keyval_key_path(path, sizeof(path), feature[i], &nf->vif))
			xs_rm(nf->xs, XBT_NULL, path);
}
