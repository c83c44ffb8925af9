/* SPDX-License-Identifier: MIT */
/* vif-state.h: what to do next with a vif, as a pure function of what is known about it */
#ifndef NETBACK_CONTROL_VIF_STATE_H
#define NETBACK_CONTROL_VIF_STATE_H

#include <stdbool.h>

/*
 * The life of a vif as we see it. Most steps are one XenbusState of the backend (in brackets), but the
 * rings are mapped before 4 is published and unmapped before 5 is, and the engine's answers take time.
 *
 *   NEW --> WAIT --> ATTACHING --> ATTACHED --> CONNECTED
 *    |       | ^          \            |          /
 *    |       | |           +--> DETACHING <------+
 *    |       v |                    |
 *    |     CLOSING <---- DETACHED <-+
 *    |       v |
 *    +---> CLOSED --> OVER
 */
enum vif_state {
	VIF_NEW,       /* nothing done yet */
	VIF_WAIT,      /* the tap exists, features are offered (2) */
	VIF_ATTACHING, /* LINK_ATTACH sent (2) */
	VIF_ATTACHED,  /* rings run, the hotplug script is not done (2) */
	VIF_CONNECTED, /* (4; 8 while the frontend is in 7) */
	VIF_DETACHING, /* LINK_DETACH sent (whatever was published last) */
	VIF_DETACHED,  /* it has let go of the rings */
	VIF_CLOSING,   /* rings are unmapped (5) */
	VIF_CLOSED,    /* (6); the tap stays if online */
	VIF_OVER,      /* no tap, no files; the directory may still be there */
	VIF_STATE_COUNT,
};

/* What is known about a vif, read from the store in one go. States are XenbusState. */
struct vif_facts {
	unsigned int backend;  /* what the store says our state is: others write it too */
	unsigned int frontend; /* 0: the directory has vanished, or the guest is dead */
	bool online;	       /* the toolstack wants the device */
	bool vanished;	   /* the backend directory is gone, or is another one of the same name */
	bool plugged;	   /* the hotplug script is done, or there is none */
	bool failed;	   /* we gave the vif up; wait until the frontend moves */
	bool out_of_grace; /* offline, and the guest had its time to close */
	bool held;	   /* there are a tap and files of ours, or may be */
	bool policed;	   /* the engine works by the last policy it was given */
	bool unplug;	   /* we ran the hotplug script and have to tell it of the end */
	bool busy;	   /* a hotplug script of ours runs */
};

enum vif_action {
	VIF_NOTHING,
	VIF_OFFER,	  /* create the tap, write the features and state 2 */
	VIF_ADOPT,	  /* we find state 4: take the running guest over */
	VIF_RESUME,	  /* we find state 5 or 6: carry on from there */
	VIF_ATTACH,	  /* read the frontend's keys, hand the rings to an engine */
	VIF_PUBLISH,	  /* write state 4 */
	VIF_DETACH,	  /* have the engine let go of the rings, then write state 5 */
	VIF_CLOSE,	  /* write state 5; there are no rings */
	VIF_FINISH,	  /* write state 6 */
	VIF_RECONFIGURED, /* write state 8: what state 7 has asked for is done */
	VIF_UNPLUG,	  /* run the hotplug script with "offline" */
	VIF_DESTROY,	  /* remove the tap and the files */
	VIF_FAIL,	  /* the frontend is in a state no protocol knows */
	VIF_RESET,	  /* start again with the directory that has taken our name */
	VIF_ACTION_COUNT,
};

/* Pure; reference: the comment in vif-state.c. */
enum vif_action vif_state_next(enum vif_state state, const struct vif_facts *facts);

/* Do the rings belong to an engine, as far as we know? */
bool vif_state_has_rings(enum vif_state state);

const char *vif_state_name(enum vif_state state);

#endif
