/* SPDX-License-Identifier: MIT */
/* link-client.c: orders out, answers in */
#include "link-client.h"

#include <errno.h>
#include <event2/event.h>

enum {
	ANSWER_SECONDS = 5,
};

static uint64_t nr_orders;

static void await(struct link_client *client, enum link_type type)
{
	client->owed = type;
	client->order = client->last;
	event_add(client->timer, &(struct timeval){.tv_sec = ANSWER_SECONDS});
}

static int send_order(struct link_client *client, int sock, enum link_type type)
{
	struct link_msg msg = {.magic = LINK_MAGIC, .type = type, .vif = client->id};
	bool attach = type == LINK_ATTACH;
	int ret;

	if (attach)
		msg.u.attach = client->attach;
	else if (type == LINK_POLICY)
		msg.u.policy = client->attach.policy;
	ret = link_send(sock, &msg, client->fds, attach ? client->nr_fds : 0);
	if (ret < 0)
		return ret;
	client->last = ++nr_orders;
	/* Behind one that is not answered yet it cannot be either. */
	if (!evtimer_pending(client->timer, NULL))
		await(client, type);
	return 0;
}

int link_client_serve(struct link_client *client, int sock)
{
	int ret = 0;

	if (client->state == LINK_QUEUED) {
		ret = send_order(client, sock, LINK_ATTACH);
		if (ret < 0)
			return ret;
		client->state = LINK_ATTACHING;
		if (client->police != LINK_POLICE_DONE)
			client->police = LINK_POLICE_SENT;
	} else if (client->state == LINK_RUNNING && client->police == LINK_POLICE_OWED) {
		ret = send_order(client, sock, LINK_POLICY);
		if (ret == 0)
			client->police = LINK_POLICE_SENT;
	} else if (client->state == LINK_DETACHING && client->unsent) {
		ret = send_order(client, sock, LINK_DETACH);
		client->unsent = ret < 0;
	}
	return ret;
}

/* An answer to what was sent of the policy, be it by ATTACH. */
static enum link_client_verdict end_police(struct link_client *client)
{
	if (client->police == LINK_POLICE_AGAIN)
		client->police = LINK_POLICE_OWED;
	if (client->police == LINK_POLICE_OWED)
		return LINK_CLIENT_OWES;
	if (client->police == LINK_POLICE_SENT) {
		client->police = LINK_POLICE_DONE;
		client->ops->policed(client->arg);
	}
	return LINK_CLIENT_STAYS;
}

static enum link_client_verdict take_attached(struct link_client *client, int error)
{
	if (client->state != LINK_ATTACHING || error > 0)
		return LINK_CLIENT_NONSENSE;
	event_del(client->timer);
	if (error)
		return LINK_CLIENT_REFUSED;
	client->state = LINK_RUNNING;
	client->ops->attached(client->arg, 0, "");
	return end_police(client);
}

static enum link_client_verdict take_policed(struct link_client *client)
{
	if (client->state != LINK_RUNNING ||
	    (client->police != LINK_POLICE_SENT && client->police != LINK_POLICE_AGAIN))
		return LINK_CLIENT_NONSENSE;
	event_del(client->timer);
	return end_police(client);
}

/* The answer to an order before the one to detach; an engine that repeats it gains no time. */
static void take_older_answer(struct link_client *client)
{
	if (client->unsent)
		event_del(client->timer);
	else if (client->owed != LINK_DETACH)
		await(client, LINK_DETACH);
}

/* What was said before the order to detach arrived is of no interest any more. */
static enum link_client_verdict take_while_detaching(struct link_client *client, uint32_t type)
{
	switch (type) {
	case LINK_DETACHED:
		return client->unsent ? LINK_CLIENT_NONSENSE : LINK_CLIENT_DETACHED;
	case LINK_ATTACHED:
	case LINK_POLICED:
		take_older_answer(client);
		return LINK_CLIENT_STAYS;
	case LINK_CARRIER:
	case LINK_FAILED:
		return LINK_CLIENT_STAYS;
	default:
		return LINK_CLIENT_NONSENSE;
	}
}

enum link_client_verdict link_client_take(struct link_client *client, const struct link_msg *msg)
{
	if (client->state == LINK_QUEUED)
		return LINK_CLIENT_NONSENSE;
	if (client->state == LINK_DETACHING)
		return take_while_detaching(client, msg->type);

	switch (msg->type) {
	case LINK_ATTACHED:
		return take_attached(client, msg->u.answer.error);
	case LINK_POLICED:
		return take_policed(client);
	case LINK_CARRIER:
		client->ops->carrier(client->arg, msg->u.carrier.on != 0);
		return LINK_CLIENT_STAYS;
	case LINK_FAILED:
		client->ops->failed(client->arg, msg->u.answer.text);
		return LINK_CLIENT_STAYS;
	default:
		return LINK_CLIENT_NONSENSE;
	}
}

void link_client_requeue(struct link_client *client)
{
	event_del(client->timer);
	client->state = LINK_QUEUED;
	if (client->police != LINK_POLICE_DONE)
		client->police = LINK_POLICE_OWED;
}

void link_client_detach(struct link_client *client)
{
	client->state = LINK_DETACHING;
	client->unsent = true;
}

bool link_client_police(struct link_client *client)
{
	if (client->state == LINK_IDLE || client->state == LINK_DETACHING)
		return false;
	client->police = client->police == LINK_POLICE_SENT || client->police == LINK_POLICE_AGAIN
				 ? LINK_POLICE_AGAIN
				 : LINK_POLICE_OWED;
	return true;
}

const char *link_client_awaits(const struct link_client *client)
{
	if (client->owed == LINK_ATTACH)
		return "attach";
	return client->owed == LINK_POLICY ? "a new policy" : "detach";
}
