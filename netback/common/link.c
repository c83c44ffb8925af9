/* SPDX-License-Identifier: MIT */
/* link.c: one link message in, one out */
#include "link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

union fd_space {
	char buf[CMSG_SPACE(LINK_MAX_FDS * sizeof(int))];
	struct cmsghdr align;
};

int link_send(int sock, const struct link_msg *msg, const int *fds, unsigned int nr_fds)
{
	union fd_space space = {0};
	struct iovec iov = {.iov_base = (void *)msg, .iov_len = sizeof(*msg)};
	struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (nr_fds > LINK_MAX_FDS)
		return -EINVAL;

	if (nr_fds) {
		hdr.msg_control = space.buf;
		hdr.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&hdr);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nr_fds * sizeof(int));
	}

	while (sendmsg(sock, &hdr, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static unsigned int take_fds(struct msghdr *hdr, int fds[LINK_MAX_FDS])
{
	unsigned int nr = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c; c = CMSG_NXTHDR(hdr, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), nr * sizeof(int));
	}
	return nr;
}

int link_recv(int sock, struct link_msg *ret_msg, int fds[LINK_MAX_FDS], unsigned int *ret_nr_fds)
{
	union fd_space space;
	struct iovec iov = {.iov_base = ret_msg, .iov_len = sizeof(*ret_msg)};
	struct msghdr hdr = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space.buf,
		.msg_controllen = sizeof(space.buf),
	};
	ssize_t n;

	*ret_nr_fds = 0;
	do
		n = recvmsg(sock, &hdr, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;

	*ret_nr_fds = take_fds(&hdr, fds);
	if (n == sizeof(*ret_msg) && !(hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	    ret_msg->magic == LINK_MAGIC)
		return 1;

	for (unsigned int i = 0; i < *ret_nr_fds; i++)
		close(fds[i]);
	*ret_nr_fds = 0;
	return n == 0 ? 0 : -EPROTO;
}
