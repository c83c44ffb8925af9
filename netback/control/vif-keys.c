/* SPDX-License-Identifier: MIT */
/* vif-keys.c: features and ring references, by the rules of the schemas */
#include "vif-keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xen/io/xenbus.h>

#include "netback/common/log.h"
#include "netback/common/util.h"
#include "vlan-spec.h"

enum {
	QUEUE_PATH_SIZE = 64
};

static int refuse(char *why, const char *text)
{
	snprintf(why, KEYVAL_EXPLAIN_SIZE, "%s", text);
	return -EINVAL;
}

/* Take the sentence about the key that dir has just read. */
static int refuse_key(char *why, const struct xenbus_dir *dir)
{
	return refuse(why, dir->why);
}

/* --- the toolstack's keys --------------------------------------------------------------------------------- */

static int check_identity(struct xenbus_dir *dir, const struct keyval_vif *id, char *why)
{
	uint32_t domid, handle;
	uint8_t mac[6];

	if (xenbus_read_uint(dir, XSK_BE_FRONTEND_ID, NULL, &domid) == KEYVAL_REFUSE ||
	    xenbus_read_uint(dir, XSK_BE_HANDLE, NULL, &handle) == KEYVAL_REFUSE ||
	    xenbus_read_mac(dir, XSK_BE_MAC, mac) == KEYVAL_REFUSE)
		return refuse_key(why, dir);

	/* The names of tap, files and engine follow from the directory. */
	if (domid != id->domid)
		return refuse(why, "frontend-id is not the domain in the directory's path");
	if (handle != id->devid)
		return refuse(why, "handle is not the device in the directory's path");
	return 0;
}

int vif_keys_read_toolstack(const char *be, const struct keyval_vif *id,
			    struct vif_toolstack_keys *keys, char why[KEYVAL_EXPLAIN_SIZE])
{
	struct xenbus_dir dir = {.path = be};
	int ret;

	*keys = (struct vif_toolstack_keys){0};
	ret = check_identity(&dir, id, why);
	if (ret < 0)
		return ret;

	if (xenbus_read_string(&dir, XSK_BE_SCRIPT, keys->script, sizeof(keys->script)) ==
		    KEYVAL_REFUSE ||
	    xenbus_read_string(&dir, XSK_BE_GATEWAYDEV, keys->gatewaydev,
			       sizeof(keys->gatewaydev)) == KEYVAL_REFUSE)
		return refuse_key(why, &dir);
	if (xenbus_read_string(&dir, XSK_BE_FRONTEND, keys->frontend, sizeof(keys->frontend)) ==
	    KEYVAL_REFUSE)
		return refuse_key(why, &dir);
	if (!keyval_path_is_of(keys->frontend, id->domid)) {
		keys->frontend[0] = '\0';
		return refuse(why, "frontend does not lie below the home of frontend-id (XSA-175)");
	}
	return 0;
}

static enum keyval_verdict read_rate(struct xenbus_dir *dir, enum xs_key key, struct link_rate *out)
{
	struct keyval_rate rate;
	enum keyval_verdict verdict = xenbus_read_rate(dir, key, &rate);

	*out = (struct link_rate){.bytes = rate.usec ? rate.bytes : 0, .usec = rate.usec};
	return verdict;
}

static int read_vlan(struct xenbus_dir *dir, struct policy_keys *keys,
		     char why[KEYVAL_EXPLAIN_SIZE])
{
	if (xenbus_read_string(dir, XSK_BE_VLAN, keys->vlan_text, sizeof(keys->vlan_text)) ==
	    KEYVAL_REFUSE)
		return refuse_key(why, dir);
	if (!*keys->vlan_text)
		return 0;
	return vlan_spec_parse(keys->vlan_text, &keys->vlan, why, KEYVAL_EXPLAIN_SIZE);
}

int vif_keys_read_policy(const char *be, bool with_vlan, struct policy_keys *keys,
			 char why[KEYVAL_EXPLAIN_SIZE])
{
	struct xenbus_dir dir = {.path = be};
	enum keyval_verdict checksums;

	*keys = (struct policy_keys){0};
	checksums = xenbus_read_bool(&dir, XSK_BE_COMPLETE_CHECKSUMS, &keys->complete_csums);
	keys->has_complete_csums = checksums == KEYVAL_OK;
	if (checksums == KEYVAL_REFUSE ||
	    read_rate(&dir, XSK_BE_RATE, &keys->tx_rate) == KEYVAL_REFUSE ||
	    read_rate(&dir, XSK_BE_RATE_RX, &keys->rx_rate) == KEYVAL_REFUSE ||
	    xenbus_read_uint(&dir, XSK_BE_MTU, NULL, &keys->mtu) == KEYVAL_REFUSE)
		return refuse_key(why, &dir);
	return with_vlan ? read_vlan(&dir, keys, why) : 0;
}

/* --- what we write ---------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	enum xs_key key;
	uint32_t value;
} offers[] = {
	{XSK_BE_FEATURE_RX_COPY, 1},
	{XSK_BE_FEATURE_RX_FLIP, 0},
	{XSK_BE_FEATURE_SG, 1},
	{XSK_BE_FEATURE_GSO_TCPV4, 1},
	{XSK_BE_FEATURE_GSO_TCPV6, 1},
	{XSK_BE_FEATURE_IPV6_CSUM_OFFLOAD, 1},
	{XSK_BE_FEATURE_SPLIT_EVENT_CHANNELS, 1},
	{XSK_BE_FEATURE_CTRL_RING, 1},
	{XSK_BE_FEATURE_MULTICAST_CONTROL, 1},
	{XSK_BE_FEATURE_DYNAMIC_MULTICAST_CONTROL, 1},
	{XSK_BE_FEATURE_XDP_HEADROOM, 1},
};
/* clang-format on */

struct write_request {
	const char *be;
	unsigned int published, state, max_queues;
	const char *text;
};

/* 0 if the directory is there and was not made anew behind our back: nobody but the toolstack writes 1. */
static int check_ours(struct xenbus_dir *dir, unsigned int published)
{
	unsigned int state;

	if (xenbus_read_state(dir, XSK_BE_STATE, &state) == KEYVAL_REFUSE)
		return 0;
	if (state == XenbusStateUnknown)
		return -ENOENT;
	if (state == XenbusStateInitialising && published > XenbusStateInitialising)
		return -ENOENT;
	return 0;
}

static int write_offer(uint32_t t, void *arg)
{
	const struct write_request *request = arg;
	struct xenbus_dir dir = {.path = request->be, .t = t};
	int ret = check_ours(&dir, request->published);

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(offers); i++)
		ret = xenbus_write_uint(&dir, offers[i].key, offers[i].value);
	if (ret == 0)
		ret = xenbus_write_uint(&dir, XSK_BE_MULTI_QUEUE_MAX_QUEUES, request->max_queues);
	if (ret == 0)
		ret = xenbus_write_uint(&dir, XSK_BE_STATE, XenbusStateInitWait);
	return ret;
}

int vif_keys_offer(const char *be, unsigned int published, unsigned int max_queues)
{
	struct write_request request = {
		.be = be,
		.published = published,
		.max_queues = max_queues,
	};

	return xenbus_transaction(write_offer, &request);
}

static int write_state(uint32_t t, void *arg)
{
	const struct write_request *request = arg;
	struct xenbus_dir dir = {.path = request->be, .t = t};
	int ret = check_ours(&dir, request->published);

	return ret ? ret : xenbus_write_uint(&dir, XSK_BE_STATE, request->state);
}

int vif_keys_publish(const char *be, unsigned int published, unsigned int state)
{
	struct write_request request = {.be = be, .published = published, .state = state};

	return xenbus_transaction(write_state, &request);
}

static int write_error(uint32_t t, void *arg)
{
	const struct write_request *request = arg;
	struct xenbus_dir dir = {.path = request->be, .t = t};
	int ret = check_ours(&dir, request->published);

	return ret ? ret : xenbus_write_string(&dir, XSK_BE_ERROR, request->text);
}

/* The DOM_ERROR key is a path below the backend's home. Its directory is about this vif alone. */
static bool linux_error_path(char path[KEYVAL_PATH_SIZE], const struct keyval_vif *id)
{
	return keyval_key_path(path, KEYVAL_PATH_SIZE, XSK_DOM_ERROR, id);
}

void vif_keys_write_error(const char *be, const struct keyval_vif *id, int error, const char *text)
{
	char value[KEYVAL_EXPLAIN_SIZE + 16], path[KEYVAL_PATH_SIZE];
	struct write_request request = {.be = be, .text = value};

	snprintf(value, sizeof(value), "%d %s", error < 0 ? -error : error, text);
	xenbus_transaction(write_error, &request);
	if (linux_error_path(path, id) && !xenbus_write_path(path, value))
		debug("%s: cannot be written", path);
}

void vif_keys_clear_error(const char *be, const struct keyval_vif *id)
{
	char path[KEYVAL_PATH_SIZE];

	if (snprintf(path, sizeof(path), "%s/%s", be, xsk_name(XSK_BE_ERROR)) < (int)sizeof(path))
		xenbus_remove(path);
	if (linux_error_path(path, id)) {
		*strrchr(path, '/') = '\0';
		xenbus_remove(path);
	}
}

static int write_hotplug_error(uint32_t t, void *arg)
{
	const struct write_request *request = arg;
	struct xenbus_dir dir = {.path = request->be, .t = t};
	char status[KEYVAL_STRING_SIZE];
	int ret = check_ours(&dir, request->published);

	if (ret < 0)
		return ret;
	if (xenbus_read_string(&dir, XSK_BE_HOTPLUG_STATUS, status, sizeof(status)) == KEYVAL_OK &&
	    strcmp(status, "error") == 0)
		return 0;
	ret = xenbus_write_string(&dir, XSK_BE_HOTPLUG_ERROR, request->text);
	return ret ? ret : xenbus_write_string(&dir, XSK_BE_HOTPLUG_STATUS, "error");
}

int vif_keys_write_hotplug_error(const char *be, unsigned int published, const char *text)
{
	struct write_request request = {.be = be, .published = published, .text = text};

	return xenbus_transaction(write_hotplug_error, &request);
}

static int remove_directory(uint32_t t, void *arg)
{
	const struct write_request *request = arg;
	struct xenbus_dir dir = {.path = request->be, .t = t};
	unsigned int state;
	bool online;
	int ret = check_ours(&dir, request->published);

	if (ret < 0)
		return ret;
	if (xenbus_read_state(&dir, XSK_BE_STATE, &state) != KEYVAL_OK ||
	    state != XenbusStateClosed ||
	    xenbus_read_bool(&dir, XSK_BE_ONLINE, &online) != KEYVAL_OK || online)
		return -EBUSY;
	return xenbus_remove_dir(&dir);
}

int vif_keys_remove(const char *be, unsigned int published)
{
	struct write_request request = {.be = be, .published = published};

	return xenbus_transaction(remove_directory, &request);
}

/* --- the frontend's keys ---------------------------------------------------------------------------------- */

struct read_request {
	const char *fe;
	unsigned int max_queues;
	struct link_attach *attach;
	struct policy_wishes *wishes;
	char *why;
};

static int read_features(struct xenbus_dir *dir, struct link_features *f, char *why)
{
	const struct {
		bool *out;
		enum xs_key key;
		bool inverted;
	} keys[] = {
		{&f->rx_sg, XSK_FE_FEATURE_SG, false},
		{&f->rx_gso_tcpv4, XSK_FE_FEATURE_GSO_TCPV4, false},
		{&f->rx_gso_tcpv6, XSK_FE_FEATURE_GSO_TCPV6, false},
		{&f->rx_csum_ipv4, XSK_FE_FEATURE_NO_CSUM_OFFLOAD, true},
		{&f->rx_csum_ipv6, XSK_FE_FEATURE_IPV6_CSUM_OFFLOAD, false},
		{&f->rx_notify, XSK_FE_FEATURE_RX_NOTIFY, false},
	};
	bool copy;

	if (xenbus_read_bool(dir, XSK_FE_REQUEST_RX_COPY, &copy) == KEYVAL_REFUSE)
		return refuse_key(why, dir);
	if (!copy)
		return refuse(why, "request-rx-copy is not 1: page flipping is not served");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (xenbus_read_bool(dir, keys[i].key, keys[i].out) == KEYVAL_REFUSE)
			return refuse_key(why, dir);
		*keys[i].out ^= keys[i].inverted;
	}
	return 0;
}

/* 1: the key is there; 0: it is absent. */
static int read_queue_key(struct xenbus_dir *dir, unsigned int queues, unsigned int queue,
			  enum xs_key key, uint32_t *out, char *why)
{
	char sub[QUEUE_PATH_SIZE];
	enum keyval_verdict verdict;

	if (!keyval_queue_path(sub, sizeof(sub), queues, queue, key))
		return -ENAMETOOLONG;
	verdict = xenbus_read_uint(dir, key, sub, out);
	if (verdict != KEYVAL_REFUSE)
		return verdict == KEYVAL_OK;
	snprintf(why, KEYVAL_EXPLAIN_SIZE, "queue %u: %.200s", queue, dir->why);
	return -EINVAL;
}

static int read_ports(struct xenbus_dir *dir, unsigned int queues, unsigned int n,
		      struct link_queue *queue, char *why)
{
	int tx = read_queue_key(dir, queues, n, XSK_FE_EVENT_CHANNEL_TX, &queue->evtchn_tx, why);
	int rx = tx < 0 ? tx
			: read_queue_key(dir, queues, n, XSK_FE_EVENT_CHANNEL_RX, &queue->evtchn_rx,
					 why);
	int both;

	if (rx < 0)
		return rx;
	if (tx && rx)
		return 0;
	if (tx || rx)
		return refuse(why, "event-channel-tx and -rx go together, only one is there");

	both = read_queue_key(dir, queues, n, XSK_FE_EVENT_CHANNEL, &queue->evtchn_tx, why);
	if (both < 0)
		return both;
	if (!both)
		return refuse(why, "there is no event channel");
	queue->evtchn_rx = queue->evtchn_tx;
	return 0;
}

static int read_queue(struct xenbus_dir *dir, unsigned int queues, unsigned int n,
		      struct link_queue *queue, char *why)
{
	int ret;

	ret = read_queue_key(dir, queues, n, XSK_FE_TX_RING_REF, &queue->tx_ring_ref, why);
	if (ret >= 0)
		ret = read_queue_key(dir, queues, n, XSK_FE_RX_RING_REF, &queue->rx_ring_ref, why);
	return ret < 0 ? ret : read_ports(dir, queues, n, queue, why);
}

/* In the frontend's directory whatever the number of queues. */
static int read_ctrl(struct xenbus_dir *dir, struct link_ctrl *ctrl, char *why)
{
	enum keyval_verdict ref =
		xenbus_read_uint(dir, XSK_FE_CTRL_RING_REF, NULL, &ctrl->ring_ref);
	enum keyval_verdict port;

	if (ref == KEYVAL_REFUSE)
		return refuse_key(why, dir);
	port = xenbus_read_uint(dir, XSK_FE_EVENT_CHANNEL_CTRL, NULL, &ctrl->evtchn);
	if (port == KEYVAL_REFUSE)
		return refuse_key(why, dir);
	if (ref != port)
		return refuse(
			why, "ctrl-ring-ref and event-channel-ctrl go together, only one is there");
	ctrl->present = ref == KEYVAL_OK;
	return 0;
}

static void read_wishes(struct xenbus_dir *dir, struct policy_wishes *wishes)
{
	uint32_t headroom;

	if (xenbus_read_bool(dir, XSK_FE_REQUEST_MULTICAST_CONTROL, &wishes->mcast_filter) ==
	    KEYVAL_REFUSE)
		wishes->mcast_filter = false;
	if (xenbus_read_uint(dir, XSK_FE_XDP_HEADROOM, NULL, &headroom) == KEYVAL_REFUSE)
		headroom = 0;
	wishes->xdp_headroom = (uint16_t)headroom;
}

void vif_keys_read_wishes(const char *fe, struct policy_wishes *wishes)
{
	/* The guest may write them as often as it likes. */
	struct xenbus_dir dir = {.path = fe, .quiet = true};

	read_wishes(&dir, wishes);
}

static int read_all(uint32_t t, void *arg)
{
	const struct read_request *request = arg;
	struct xenbus_dir dir = {.path = request->fe, .t = t};
	struct link_attach *attach = request->attach;
	int ret;

	*attach = (struct link_attach){0};
	ret = read_features(&dir, &attach->features, request->why);
	if (ret < 0)
		return ret;

	if (xenbus_read_uint(&dir, XSK_FE_MULTI_QUEUE_NUM_QUEUES, NULL, &attach->nr_queues) ==
	    KEYVAL_REFUSE)
		return refuse_key(request->why, &dir);
	if (attach->nr_queues < 1 || attach->nr_queues > request->max_queues)
		return refuse(request->why, "multi-queue-num-queues is more than we offered");

	for (unsigned int i = 0; ret == 0 && i < attach->nr_queues; i++)
		ret = read_queue(&dir, attach->nr_queues, i, &attach->queue[i], request->why);
	if (ret == 0)
		ret = read_ctrl(&dir, &attach->ctrl, request->why);
	read_wishes(&dir, request->wishes);
	return ret;
}

int vif_keys_read_frontend(const char *fe, unsigned int max_queues, struct link_attach *attach,
			   struct policy_wishes *wishes, char why[KEYVAL_EXPLAIN_SIZE])
{
	struct read_request request = {
		.fe = fe,
		.max_queues = max_queues,
		.attach = attach,
		.wishes = wishes,
		.why = why,
	};

	why[0] = '\0';
	return xenbus_transaction(read_all, &request);
}
