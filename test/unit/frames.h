/* SPDX-License-Identifier: MIT -- builds Ethernet frames of any shape, for the offload tests */
#ifndef TEST_UNIT_FRAMES_H
#define TEST_UNIT_FRAMES_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRAME_MAX_BYTES = 65535,
	FRAME_MAX_EXTENSIONS = 4
};

struct frame_shape {
	const char *what;
	unsigned int tags;    /* VLAN */
	unsigned int version; /* of IP; 0: ARP */
	unsigned int options; /* bytes of IPv4 options */
	uint16_t fragment;    /* IPv4 flags and offset */
	struct {
		uint8_t type, bytes; /* bytes 0: the list ends here */
	} extensions[FRAME_MAX_EXTENSIONS];
	uint8_t proto;
	unsigned int tcp_options;
	unsigned int payload;
	/* what the parser has to find: */
	unsigned int transport, end; /* 0: nothing */
};

static inline void frame_put16(uint8_t *p, unsigned int value)
{
	p[0] = value >> 8;
	p[1] = value;
}

static inline uint8_t *frame_ethernet(const struct frame_shape *shape, uint8_t *p)
{
	static const uint16_t types[] = {[0] = 0x0806, [4] = 0x0800, [6] = 0x86dd};
	unsigned int i;

	memcpy(p, "\xfe\xff\xff\xff\xff\xff\x00\x16\x3e\x01\x02\x03", 12);
	p += 12;
	for (i = 0; i < shape->tags; i++, p += 4) {
		frame_put16(p, i ? 0x8100 : 0x88a8);
		frame_put16(p + 2, 100 + i);
	}
	if (shape->tags == 1)
		frame_put16(p - 4, 0x8100);
	frame_put16(p, types[shape->version]);
	return p + 2;
}

static inline uint8_t *frame_ipv4(const struct frame_shape *shape, uint8_t *p, unsigned int bytes)
{
	memset(p, 0, 20);
	p[0] = 0x45 + shape->options / 4;
	frame_put16(p + 2, 20 + shape->options + bytes);
	frame_put16(p + 6, shape->fragment);
	p[8] = 64;
	p[9] = shape->proto;
	memcpy(p + 12, "\x0a\x01\x02\x03\x0a\xff\xfe\x04", 8);
	memset(p + 20, 1, shape->options);
	return p + 20 + shape->options;
}

static inline uint8_t *frame_ipv6(const struct frame_shape *shape, uint8_t *p, unsigned int bytes)
{
	uint8_t *next = p + 6, *start = p + 40;
	unsigned int i;

	memset(p, 0, 40);
	p[0] = 0x60;
	p[7] = 64;
	memcpy(p + 8, "\xfd\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", 16);
	memcpy(p + 24, "\xfd\x00\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4\xf3\xf2", 16);
	p = start;
	for (i = 0; i < FRAME_MAX_EXTENSIONS && shape->extensions[i].bytes; i++) {
		*next = shape->extensions[i].type;
		memset(p, 0, shape->extensions[i].bytes);
		p[1] = *next == IPPROTO_AH ? shape->extensions[i].bytes / 4 - 2
					   : shape->extensions[i].bytes / 8 - 1;
		next = p;
		p += shape->extensions[i].bytes;
	}
	*next = shape->proto;
	frame_put16(start - 36, p - start + bytes);
	return p;
}

static inline uint8_t *frame_transport(const struct frame_shape *shape, uint8_t *p)
{
	unsigned int bytes = shape->proto == IPPROTO_TCP ? 20 + shape->tcp_options : 8;

	memset(p, 0, bytes);
	memcpy(p, "\x04\xd2\x00\x50", 4);
	if (shape->proto == IPPROTO_TCP) {
		p[12] = bytes / 4 << 4;
		p[13] = 0x10;
		memset(p + 20, 1, shape->tcp_options);
	} else {
		frame_put16(p + 4, 8 + shape->payload);
	}
	return p + bytes;
}

/* Writes the frame, its TCP or UDP checksum field 0; returns its length. */
static inline uint32_t frame_build(const struct frame_shape *shape, uint8_t *frame)
{
	uint8_t *p = frame_ethernet(shape, frame);
	unsigned int i, bytes = shape->payload;

	bytes += shape->proto == IPPROTO_TCP ? 20 + shape->tcp_options : 8;
	if (shape->version == 4)
		p = frame_ipv4(shape, p, bytes);
	else if (shape->version == 6)
		p = frame_ipv6(shape, p, bytes);
	p = frame_transport(shape, p);
	for (i = 0; i < shape->payload; i++)
		*p++ = i * 7 + 3;

	return p - frame;
}

/* --- what the tests compute for themselves ---------------------------------------------------- */

/* Exactly len bytes on the heap, so that ASan sees who reads or writes behind them. */
static inline uint8_t *frame_exactly(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	return copy;
}

/* Word by word in network order, as RFC 1071 has it. */
static inline uint16_t frame_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	uint64_t total = sum;
	size_t i;

	for (i = 0; i < len; i++)
		total += i % 2 ? p[i] : p[i] << 8;
	while (total >> 16)
		total = (total >> 16) + (total & 0xffff);
	return total;
}

/* Sum over the pseudo header from the frame's own addresses. */
static inline uint16_t frame_pseudo_sum(const struct frame_shape *shape, const uint8_t *frame,
					uint32_t len)
{
	const uint8_t *ip = frame + 14 + 4 * shape->tags;
	uint32_t bytes = len - shape->transport;

	if (shape->version == 4)
		return frame_sum(ip + 12, 8, bytes + shape->proto);
	return frame_sum(ip + 8, 32, bytes + shape->proto);
}

#endif
