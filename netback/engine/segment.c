/* SPDX-License-Identifier: MIT */
/* segment.c: new headers for pieces of a frame */
#include "netback/engine/segment.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "netback/common/util.h"

enum {
	IPV4_LENGTH = 2,
	IPV4_ID = 4,
	IPV4_CSUM = 10,
	IPV6_LENGTH = 4,
	IPV6_BYTES = 40,
	TCP_SEQ = 4,
	TCP_FLAGS = 13,
	TCP_FIN = 0x01,
	TCP_PSH = 0x08,
	TCP_CWR = 0x80,
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

int segment_begin(struct segment *s, const uint8_t *frame, uint32_t len, uint32_t size, bool blank)
{
	struct segment new = {.length = len, .size = size, .blank = blank};

	if (size < OFFLOAD_GSO_MIN || offload_parse(frame, len, &new.h))
		return -EINVAL;
	if (new.h.proto != IPPROTO_TCP || new.h.end >= len)
		return -EINVAL;
	new.at = new.h.end;
	*s = new;
	return 0;
}

static uint32_t payload(const struct segment *s)
{
	return min(s->size, s->length - s->at);
}

uint32_t segment_length(const struct segment *s)
{
	return s->at < s->length ? s->h.end + payload(s) : 0;
}

static void set_ipv4(const struct segment *s, uint8_t *ip, uint32_t bytes)
{
	uint16_t sum;

	put16(ip + IPV4_LENGTH, bytes);
	put16(ip + IPV4_ID, get16(ip + IPV4_ID) + s->nr);
	put16(ip + IPV4_CSUM, 0);
	sum = ~offload_sum(ip, s->h.transport - s->h.ip, 0);
	memcpy(ip + IPV4_CSUM, &sum, sizeof(sum));
}

static void set_tcp(const struct segment *s, uint8_t *tcp, bool last)
{
	uint32_t seq = get16(tcp + TCP_SEQ) << 16 | get16(tcp + TCP_SEQ + 2);

	seq += s->at - s->h.end;
	put16(tcp + TCP_SEQ, seq >> 16);
	put16(tcp + TCP_SEQ + 2, seq);
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (s->nr)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
}

static void set_checksum(const struct segment *s, uint8_t *header, const uint8_t *data,
			 uint32_t bytes)
{
	uint16_t sum = offload_pseudo_sum(header, s->h.end + bytes, &s->h);

	memcpy(header + s->h.csum, &sum, sizeof(sum));
	if (s->blank)
		return;
	/* The header, whose length is even, holds the pseudo header's sum now. */
	sum = offload_sum(header + s->h.transport, s->h.end - s->h.transport, 0);
	sum = ~offload_sum(data, bytes, sum);
	memcpy(header + s->h.csum, &sum, sizeof(sum));
}

struct segment_piece segment_next(struct segment *s, const uint8_t *frame,
				  uint8_t header[OFFLOAD_HEADER_BYTES])
{
	struct segment_piece piece = {.header = s->h.end, .at = s->at, .payload = payload(s)};
	uint32_t ip_bytes = piece.header + piece.payload - s->h.ip;

	memcpy(header, frame, s->h.end);
	if (s->h.version == 4)
		set_ipv4(s, header + s->h.ip, ip_bytes);
	else
		put16(header + s->h.ip + IPV6_LENGTH, ip_bytes - IPV6_BYTES);
	set_tcp(s, header + s->h.transport, s->at + piece.payload == s->length);
	set_checksum(s, header, frame + piece.at, piece.payload);
	s->at += piece.payload;
	s->nr++;
	return piece;
}
