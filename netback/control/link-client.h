/* SPDX-License-Identifier: MIT */
/* link-client.h: one vif's conversation with its engine */
#ifndef NETBACK_CONTROL_LINK_CLIENT_H
#define NETBACK_CONTROL_LINK_CLIENT_H

#include "engine-link.h"

/*
 * Which order is still to be sent and which answer is owed, for one struct link_client. Nothing here knows of
 * engines as processes: engine-link.c, the only user, asks for what is to be sent when its socket takes it and
 * hands in what came. Main thread only.
 *
 *   QUEUED --ATTACH--> ATTACHING --ATTACHED--> RUNNING --DETACH--> DETACHING --DETACHED--> (leaves)
 *
 * While RUNNING a new policy is one LINK_POLICY at a time; one that changes while an answer is owed is sent
 * again after it, and only the last answer is passed on. LINK_ATTACH carries the policy of its moment, so an
 * engine's death loses none.
 */
enum link_client_verdict {
	LINK_CLIENT_NONSENSE, /* no engine says that now */
	LINK_CLIENT_STAYS,
	LINK_CLIENT_OWES,     /* stays, and link_client_serve has something to send */
	LINK_CLIENT_REFUSED,  /* to attach: it leaves, the reason is in the message */
	LINK_CLIENT_DETACHED, /* it leaves */
};

/* Send what there is to send; start the timer of its answer. 0 or -errno. */
int link_client_serve(struct link_client *client, int sock);

/* A message of the engine about this client; tells the vif, but for the last two verdicts. */
enum link_client_verdict link_client_take(struct link_client *client, const struct link_msg *msg);

/* Its engine is gone and another one will be asked: all begins with ATTACH again. */
void link_client_requeue(struct link_client *client);

/* It is to leave; an answer that is owed already is owed until then. */
void link_client_detach(struct link_client *client);

/* attach.policy has changed; false if nobody is there to be told. See engine_police. */
bool link_client_police(struct link_client *client);

/* What the oldest answer is owed to, for the log. */
const char *link_client_awaits(const struct link_client *client);

#endif
