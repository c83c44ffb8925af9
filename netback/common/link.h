/* SPDX-License-Identifier: MIT */
/* link.h: the messages between control and an engine */
#ifndef NETBACK_COMMON_LINK_H
#define NETBACK_COMMON_LINK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One SOCK_SEQPACKET socket an engine; a message is one struct link_msg, file descriptors ride
 * along by SCM_RIGHTS. Both ends are the same build, started by each other: no byte order, no
 * version beyond LINK_MAGIC. Control trusts nothing an engine says beyond what hurts that engine's
 * own vifs: a message that names another engine's vif, or makes no sense, costs the engine its life.
 *
 *   control                                   engine
 *   LINK_START  fds: engine stats    ------>
 *                                    <------  LINK_READY      sandboxed, workers run
 *   LINK_ATTACH fds: stats, journal,
 *               tap per queue        ------>
 *                                    <------  LINK_ATTACHED   error 0: rings run; else why not
 *                                    <------  LINK_CARRIER    the guest takes packets / stopped
 *                                    <------  LINK_FAILED     the guest broke the protocol; the
 *                                                             engine has let go of the rings
 *   LINK_POLICY                      ------>
 *                                    <------  LINK_POLICED    every queue works by it from now on
 *   LINK_DETACH                      ------>
 *                                    <------  LINK_DETACHED   unmapped, unbound, taps closed
 *
 * The socket's end-of-file is the order to stop: the engine closes its rings (the guest sees
 * nothing) and exits. LINK_DETACH and LINK_POLICY for a vif that is not attached are answered all the
 * same: it may have failed while they were under way.
 */
#define LINK_MAGIC	0x4e424c31u /* "NBL1" */
#define LINK_MAX_QUEUES 8
#define LINK_MAX_FDS	(2 + LINK_MAX_QUEUES)

enum link_type {
	LINK_START = 1,
	LINK_READY,
	LINK_ATTACH,
	LINK_ATTACHED,
	LINK_CARRIER,
	LINK_FAILED,
	LINK_DETACH,
	LINK_DETACHED,
	LINK_POLICY,
	LINK_POLICED,
};

/* Which fd of LINK_ATTACH is what. */
enum link_attach_fd {
	LINK_FD_STATS,
	LINK_FD_JOURNAL, /* a file of LINK_JOURNAL_BYTES, zero at the vif's first connect */
	LINK_FD_TAP,	 /* and one more for each further queue */
};

/*
 * Size of a vif's journal file: a journal for each queue (engine/journal.h), then what the whole vif
 * remembers (engine/memory.h). The engine owns its layout; control owns its life.
 */
#define LINK_QUEUE_BYTES   8192
#define LINK_MEMORY_BYTES  65536
#define LINK_JOURNAL_BYTES (LINK_MAX_QUEUES * LINK_QUEUE_BYTES + LINK_MEMORY_BYTES)

/* A vif as both name it. serial counts connects, so that late answers are recognised. */
struct link_vif {
	uint16_t domid;
	uint16_t handle;
	uint32_t serial;
};

/* What backend and frontend agreed on. All that an engine ever learns of xenstore comes by these messages. */
struct link_features {
	bool rx_sg;	   /* frontend takes packets of several slots */
	bool rx_gso_tcpv4; /* ... and TCP segmentation frames */
	bool rx_gso_tcpv6;
	bool rx_csum_ipv4; /* frontend takes blank checksums (not feature-no-csum-offload) */
	bool rx_csum_ipv6;
	bool rx_notify; /* frontend sends an event when it posts buffers */
};

/* The control ring, if the frontend made one. */
struct link_ctrl {
	bool present;
	uint32_t ring_ref;
	uint32_t evtchn; /* the frontend's port */
};

/* So many bytes in each interval; usec 0: as many as it likes. */
struct link_rate {
	uint64_t bytes;
	uint32_t usec;
};

enum {
	LINK_VLANS = 4096
};

/* The VLANs of a vif as a bridge port has them. Tags are on the port's side; filter false: all pass as they are. */
struct link_vlan {
	bool filter;
	uint16_t pvid; /* of frames the guest sends without a tag; 0: they are dropped */
	uint8_t member[LINK_VLANS / 8];	  /* a bit a VLAN that passes */
	uint8_t untagged[LINK_VLANS / 8]; /* of these, those whose tag the guest does not see */
};

/* What the host decides and what may change while the rings run. */
struct link_policy {
	struct link_rate tx_rate; /* guest to world, all queues together */
	struct link_rate rx_rate;
	struct link_vlan vlan;
	uint32_t mtu; /* payload bytes of the largest frame either way, tags aside; 0: no limit */
	uint16_t
		xdp_headroom; /* bytes before the data of a received packet (Linux' xdp-headroom) */
	bool mcast_filter;    /* only multicast frames of the frontend's list pass to it */
	bool complete_csums;  /* no blank checksum goes to the guest, whatever it takes */
};

struct link_queue {
	uint32_t tx_ring_ref;
	uint32_t rx_ring_ref;
	uint32_t evtchn_tx; /* the frontend's ports; equal if it uses one for both */
	uint32_t evtchn_rx;
};

struct link_start {
	uint32_t nr_workers;
	uint32_t log_level; /* enum log_level */
	uint16_t domid;	    /* the backend domain, which both are in */
};

struct link_attach {
	struct link_features features;
	struct link_policy policy;
	struct link_ctrl ctrl;
	uint32_t nr_queues;
	struct link_queue queue[LINK_MAX_QUEUES];
};

struct link_msg {
	uint32_t magic;
	uint32_t type; /* enum link_type */
	struct link_vif vif;
	union {
		struct link_start start;
		struct link_attach attach;
		struct link_policy policy;
		struct {
			int32_t error;	/* ATTACHED: 0 or -errno */
			char text[120]; /* ATTACHED, FAILED: for people, in the error node */
		} answer;
		struct {
			uint32_t on;
		} carrier;
	} u;
};

/*
 * Send one message; fds stay the caller's. 0 or -errno. -EAGAIN never leaves half a message.
 * Any thread may send; two threads' messages do not mix.
 */
int link_send(int sock, const struct link_msg *msg, const int *fds, unsigned int nr_fds);

/*
 * Receive one message. 1: got one, fds[0..*ret_nr_fds) are the caller's now (close-on-exec);
 * 0: end of file; -EAGAIN: nothing there (non-blocking socket); -EPROTO: not a message, or more
 * fds than LINK_MAX_FDS (all closed): drop the peer; other -errno.
 */
int link_recv(int sock, struct link_msg *ret_msg, int fds[LINK_MAX_FDS], unsigned int *ret_nr_fds);

#endif
