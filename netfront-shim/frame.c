/* SPDX-License-Identifier: MIT -- Ethernet frames: parse, build, checksum, fill with content that can be verified */
#include "frame.h"

#include <linux/if_ether.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

enum {
	MAGIC = 0x4e46, /* "NF" */
	STAMP_LEN = 16,
	TCP_HEADER = 32,  /* with the timestamp option */
	TCP_OPTIONS = 20, /* offset of the options */
};

/* At the head of a UDP or raw payload, network order. */
struct stamp {
	uint16_t magic, stream;
	uint32_t seq;
	uint64_t sent_ns;
} __attribute__((packed));

_Static_assert(sizeof(struct stamp) == STAMP_LEN, "fits 18-byte UDP");

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static void parse_l4(const uint8_t *data, size_t linear, uint8_t proto, size_t at,
		     struct frame_info *info)
{
	info->proto = proto;
	info->payload = at;
	if (proto == IPPROTO_UDP && at + sizeof(struct udphdr) <= linear) {
		info->l4 = at;
		info->csum = at + offsetof(struct udphdr, check);
		info->payload = at + sizeof(struct udphdr);
	} else if (proto == IPPROTO_TCP && at + sizeof(struct tcphdr) <= linear) {
		size_t len = (data[at + 12] >> 4) * 4;

		if (len < sizeof(struct tcphdr) || at + len > linear)
			return;
		info->l4 = at;
		info->csum = at + offsetof(struct tcphdr, check);
		info->payload = at + len;
	}
}

static void parse_v4(const uint8_t *data, size_t linear, size_t len, struct frame_info *info)
{
	const uint8_t *ip = data + FRAME_ETH;
	size_t header, total;

	if (linear < FRAME_ETH + sizeof(struct iphdr))
		return;
	header = (ip[0] & 15) * 4;
	if (ip[0] >> 4 != 4 || header < sizeof(struct iphdr) || FRAME_ETH + header > linear)
		return;
	info->version = 4;
	info->proto = ip[9];
	info->payload = FRAME_ETH + header;
	total = get16(ip + 2);
	if (total >= header && FRAME_ETH + total <= len)
		info->end = FRAME_ETH + total;
	if (!(get16(ip + 6) & 0x3fff)) /* neither more fragments nor an offset */
		parse_l4(data, linear, ip[9], FRAME_ETH + header, info);
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS;
}

static void parse_v6(const uint8_t *data, size_t linear, size_t len, struct frame_info *info)
{
	const uint8_t *ip = data + FRAME_ETH;
	size_t at = FRAME_ETH + sizeof(struct ip6_hdr);
	uint8_t next;

	if (linear < at || ip[0] >> 4 != 6)
		return;
	info->version = 6;
	if (at + get16(ip + 4) <= len)
		info->end = at + get16(ip + 4);
	for (next = ip[6]; is_extension(next) && at + 8 <= linear;) {
		size_t step = (data[at + 1] + 1) * 8;

		next = data[at];
		at += step;
	}
	info->proto = next;
	info->payload = at <= linear ? at : linear;
	if (at <= linear)
		parse_l4(data, linear, next, at, info);
}

void frame_parse(const uint8_t *data, size_t linear, size_t len, struct frame_info *info)
{
	uint16_t type;

	memset(info, 0, sizeof(*info));
	info->end = len;
	if (linear < FRAME_ETH)
		return;
	info->l3 = info->payload = FRAME_ETH;
	type = get16(data + 12);
	if (type == ETHERTYPE_IP)
		parse_v4(data, linear, len, info);
	else if (type == ETHERTYPE_IPV6)
		parse_v6(data, linear, len, info);
	if (info->payload > info->end) { /* the IP header denies room for what follows */
		info->payload = info->end;
		info->l4 = info->csum = 0;
	}
}

uint64_t frame_sum(uint64_t sum, const uint8_t *data, size_t len)
{
	uint32_t word;

	for (; len >= 4; len -= 4, data += 4) {
		memcpy(&word, data, 4);
		sum += word;
	}
	if (len >= 2) {
		uint16_t half;

		memcpy(&half, data, 2);
		sum += half;
		data += 2;
		len -= 2;
	}
	if (len) {
		uint8_t tail[2] = {*data, 0};
		uint16_t half;

		memcpy(&half, tail, 2);
		sum += half;
	}
	return sum;
}

uint16_t frame_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint64_t pseudo_sum(const uint8_t *data, const struct frame_info *info)
{
	uint32_t len = info->end - info->l4;
	uint8_t tail[8] = {0, 0, 0, 0, 0, 0, 0, info->proto};
	uint64_t sum;

	if (info->version == 4)
		sum = frame_sum(0, data + info->l3 + 12, 8);
	else
		sum = frame_sum(0, data + info->l3 + 8, 32);
	put32(tail, len);
	return frame_sum(sum, tail, sizeof(tail));
}

void frame_set_csum(uint8_t *data, const struct frame_info *info, enum frame_csum kind)
{
	uint64_t sum;
	uint16_t value;

	if (!info->csum)
		return;
	memset(data + info->csum, 0, 2);
	sum = pseudo_sum(data, info);
	if (kind != FRAME_CSUM_BLANK)
		sum = frame_sum(sum, data + info->l4, info->end - info->l4);
	value = frame_fold(sum);
	if (kind != FRAME_CSUM_BLANK) {
		value = ~value;
		if (!value && info->proto == IPPROTO_UDP)
			value = 0xffff; /* zero says: no checksum */
	}
	if (kind == FRAME_CSUM_BAD)
		value ^= 0x5555;
	memcpy(data + info->csum, &value, 2);
}

bool frame_csum_ok(const uint8_t *data, const struct frame_info *info, bool blank)
{
	uint16_t value;

	if (info->version == 4 &&
	    frame_fold(frame_sum(0, data + info->l3, (data[info->l3] & 15) * 4)) != 0xffff)
		return false;
	if (!info->csum)
		return true;
	memcpy(&value, data + info->csum, 2);
	if (blank)
		return value == frame_fold(pseudo_sum(data, info));
	if (!value && info->proto == IPPROTO_UDP)
		return info->version == 4;
	return frame_fold(frame_sum(pseudo_sum(data, info), data + info->l4,
				    info->end - info->l4)) == 0xffff;
}

static size_t l4_header_len(const struct frame_spec *spec)
{
	return spec->proto == IPPROTO_TCP ? TCP_HEADER : sizeof(struct udphdr);
}

size_t frame_header_len(const struct frame_spec *spec)
{
	if (!spec->version)
		return FRAME_ETH;
	return FRAME_ETH + (spec->version == 4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr)) +
	       l4_header_len(spec);
}

static size_t build_v4(const struct frame_spec *spec, uint8_t *ip, size_t len)
{
	struct iphdr h = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(len),
		.frag_off = htons(IP_DF),
		.ttl = 64,
		.protocol = spec->proto,
		.saddr = spec->src4.s_addr,
		.daddr = spec->dst4.s_addr,
	};

	h.check = ~frame_fold(frame_sum(0, (uint8_t *)&h, sizeof(h)));
	memcpy(ip, &h, sizeof(h));
	return sizeof(h);
}

static size_t build_v6(const struct frame_spec *spec, uint8_t *ip, size_t len)
{
	struct ip6_hdr h = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons(len - sizeof(struct ip6_hdr)),
		.ip6_nxt = spec->proto,
		.ip6_hlim = 64,
		.ip6_src = spec->src6,
		.ip6_dst = spec->dst6,
	};

	memcpy(ip, &h, sizeof(h));
	return sizeof(h);
}

static void build_l4(const struct frame_spec *spec, uint8_t *l4, size_t len)
{
	memset(l4, 0, l4_header_len(spec));
	put16(l4, spec->sport);
	put16(l4 + 2, spec->dport);
	if (spec->proto == IPPROTO_UDP) {
		put16(l4 + 4, len);
		return;
	}
	l4[12] = TCP_HEADER / 4 << 4;
	l4[13] = TH_ACK | TH_PUSH;
	put16(l4 + 14, 0xffff);
	l4[TCP_OPTIONS] = l4[TCP_OPTIONS + 1] = TCPOPT_NOP;
	l4[TCP_OPTIONS + 2] = TCPOPT_TIMESTAMP;
	l4[TCP_OPTIONS + 3] = TCPOLEN_TIMESTAMP;
}

void frame_build(const struct frame_spec *spec, uint8_t *data, size_t size)
{
	size_t ip_len = size - FRAME_ETH, used;

	memcpy(data, spec->dst, 6);
	memcpy(data + 6, spec->src, 6);
	put16(data + 12, spec->version == 4   ? ETHERTYPE_IP
			 : spec->version == 6 ? ETHERTYPE_IPV6
					      : FRAME_RAW_TYPE);
	if (!spec->version)
		return;
	if (spec->version == 4)
		used = build_v4(spec, data + FRAME_ETH, ip_len);
	else
		used = build_v6(spec, data + FRAME_ETH, ip_len);
	build_l4(spec, data + FRAME_ETH + used, ip_len - used);
}

/* Word n of the endless content that belongs to a key. */
static uint64_t content(uint64_t key, uint64_t n)
{
	return (n + 1) * 0x9e3779b97f4a7c15ull + key * 0xbf58476d1ce4e5b9ull;
}

static void content_fill(uint8_t *data, size_t len, uint64_t key, uint32_t pos)
{
	for (; len && pos % 8; len--, pos++)
		*data++ = content(key, pos / 8) >> pos % 8 * 8;
	for (; len >= 8; len -= 8, pos += 8, data += 8) {
		uint64_t word = htole64(content(key, pos / 8));

		memcpy(data, &word, 8);
	}
	for (; len; len--, pos++)
		*data++ = content(key, pos / 8) >> pos % 8 * 8;
}

static bool content_ok(const uint8_t *data, size_t len, uint64_t key, uint32_t pos)
{
	uint64_t bad = 0;

	for (; len && pos % 8; len--, pos++)
		bad |= *data++ ^ (uint8_t)(content(key, pos / 8) >> pos % 8 * 8);
	for (; len >= 8; len -= 8, pos += 8, data += 8) {
		uint64_t word;

		memcpy(&word, data, 8);
		bad |= le64toh(word) ^ content(key, pos / 8);
	}
	for (; len; len--, pos++)
		bad |= *data++ ^ (uint8_t)(content(key, pos / 8) >> pos % 8 * 8);
	return !bad;
}

/* Time in the timestamp option: microseconds, low 32 bits. */
static uint32_t tcp_time(uint64_t now_ns)
{
	return now_ns / 1000;
}

static void fill_tcp(uint8_t *data, const struct frame_info *info, uint16_t stream, uint32_t seq,
		     uint64_t now_ns)
{
	uint8_t *l4 = data + info->l4;

	put32(l4 + 4, seq);
	put32(l4 + TCP_OPTIONS + 4, tcp_time(now_ns));
	put32(l4 + TCP_OPTIONS + 8, (uint32_t)MAGIC << 16 | stream);
	content_fill(data + info->payload, info->end - info->payload, stream, seq);
}

void frame_fill(uint8_t *data, const struct frame_info *info, uint16_t stream, uint32_t seq,
		uint64_t now_ns)
{
	uint8_t *payload = data + info->payload;
	size_t len = info->end - info->payload;
	struct stamp stamp = {htons(MAGIC), htons(stream), htonl(seq), htobe64(now_ns)};

	if (info->proto == IPPROTO_TCP) {
		fill_tcp(data, info, stream, seq, now_ns);
		return;
	}
	if (len < STAMP_LEN) {
		content_fill(payload, len, 0, 0);
		return;
	}
	memcpy(payload, &stamp, STAMP_LEN);
	content_fill(payload + STAMP_LEN, len - STAMP_LEN, seq ^ (uint64_t)stream << 32, 0);
}

static enum frame_verdict verify_tcp(const uint8_t *data, const struct frame_info *info,
				     uint64_t now_ns, struct frame_stamp *stamp)
{
	const uint8_t *l4 = data + info->l4;
	uint32_t mark;

	if (info->payload - info->l4 != TCP_HEADER || l4[TCP_OPTIONS + 2] != TCPOPT_TIMESTAMP)
		return FRAME_FOREIGN;
	mark = get32(l4 + TCP_OPTIONS + 8);
	if (mark >> 16 != MAGIC)
		return FRAME_FOREIGN;
	stamp->stream = mark;
	stamp->seq = get32(l4 + 4);
	stamp->len = info->end - info->payload;
	stamp->age_ns = (uint64_t)(uint32_t)(tcp_time(now_ns) - get32(l4 + TCP_OPTIONS + 4)) * 1000;
	stamp->has_time = true;
	return content_ok(data + info->payload, stamp->len, stamp->stream, stamp->seq)
		       ? FRAME_GOOD
		       : FRAME_CORRUPT;
}

enum frame_verdict frame_verify(const uint8_t *data, const struct frame_info *info, uint64_t now_ns,
				struct frame_stamp *out)
{
	const uint8_t *payload = data + info->payload;
	struct stamp stamp;

	memset(out, 0, sizeof(*out));
	if (info->version ? !info->l4 : get16(data + 12) != FRAME_RAW_TYPE)
		return FRAME_FOREIGN;
	if (info->proto == IPPROTO_TCP)
		return verify_tcp(data, info, now_ns, out);
	out->len = info->end - info->payload;
	if (out->len < STAMP_LEN)
		return content_ok(payload, out->len, 0, 0) ? FRAME_GOOD : FRAME_FOREIGN;
	memcpy(&stamp, payload, STAMP_LEN);
	if (ntohs(stamp.magic) != MAGIC)
		return FRAME_FOREIGN;
	out->stream = ntohs(stamp.stream);
	out->seq = ntohl(stamp.seq);
	out->age_ns = now_ns - be64toh(stamp.sent_ns);
	out->has_time = true;
	return content_ok(payload + STAMP_LEN, out->len - STAMP_LEN,
			  out->seq ^ (uint64_t)out->stream << 32, 0)
		       ? FRAME_GOOD
		       : FRAME_CORRUPT;
}

void frame_tag(uint8_t *data, size_t len, uint16_t vlan)
{
	memmove(data + 12 + FRAME_TAG, data + 12, len - 12);
	put16(data + 12, ETHERTYPE_VLAN);
	put16(data + 14, vlan);
}

bool frame_untag(uint8_t *data, size_t len, uint16_t vlan)
{
	if (len < FRAME_ETH + FRAME_TAG || get16(data + 12) != ETHERTYPE_VLAN ||
	    (get16(data + 14) & 0xfff) != vlan)
		return false;
	memmove(data + 12, data + 12 + FRAME_TAG, len - 12 - FRAME_TAG);
	return true;
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
	uint8_t tmp[16];

	memcpy(tmp, a, len);
	memcpy(a, b, len);
	memcpy(b, tmp, len);
}

void frame_swap(uint8_t *data, const struct frame_info *info)
{
	uint8_t *ip = data + info->l3;

	if (info->end < FRAME_ETH)
		return;
	swap(data, data + 6, 6);
	if (info->version == 4)
		swap(ip + 12, ip + 16, 4);
	else if (info->version == 6)
		swap(ip + 8, ip + 24, 16);
	if (info->l4)
		swap(data + info->l4, data + info->l4 + 2, 2);
}
