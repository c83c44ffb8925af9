/* SPDX-License-Identifier: MIT */
/* port-tap.c: a queue of a tap as a port */
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int port_tap_open(struct port *port, int fd)
{
	int size, flags;

	if (ioctl(fd, TUNGETVNETHDRSZ, &size) < 0)
		return -errno;
	if (size != PORT_HEADER_BYTES)
		return -EINVAL;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;

	memset(port, 0, sizeof(*port));
	port->fd = fd;
	port->frames.fd = fd;
	return 0;
}

void port_close(struct port *port)
{
	close(port->fd);
	port->fd = -1;
}

enum port_result port_result(int32_t ret)
{
	if (ret >= PORT_HEADER_BYTES)
		return PORT_DONE;
	if (ret == -EAGAIN || ret == -ENOBUFS || ret == -ENOMEM)
		return PORT_AGAIN;
	if (ret == -EIO || ret == -EBADFD || ret == -ENODEV)
		return PORT_DOWN;
	return PORT_REFUSED;
}
