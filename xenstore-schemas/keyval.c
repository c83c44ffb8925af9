/* SPDX-License-Identifier: MIT -- values of xenstore keys: one rule per key, for both sides of a vif */
#include "xenstore-schemas/keyval.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * How it works: for each type a bare parser says whether the bytes are good; judge() then turns that and
 * the key's two rules into a verdict. No parser knows a rule and no rule knows a type.
 */

/* The verdict on a value that is good or not; val NULL is a missing one. */
static enum keyval_verdict judge(const struct xs_key_def *def, const char *val, bool good)
{
	if (good)
		return KEYVAL_OK;

	if (val)
		return def->bad == XS_RULE_REFUSE ? KEYVAL_REFUSE : KEYVAL_IGNORED;

	if (def->missing == XS_RULE_REFUSE)
		return KEYVAL_REFUSE;

	return def->missing == XS_RULE_DEFAULT ? KEYVAL_DEFAULT : KEYVAL_ABSENT;
}

/* NULL if there is no such key: callers treat that as a value to refuse. */
static const struct xs_key_def *def_of(enum xs_key key)
{
	return (unsigned int)key < XSK_COUNT ? &xs_keys[key] : NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Decimal digits and nothing else, no leading zero; at most max. */
static bool parse_decimal(const char *val, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	size_t i;

	if (len == 0 || (len > 1 && val[0] == '0'))
		return false;

	for (i = 0; i < len; i++) {
		unsigned int digit = (unsigned int)(val[i] - '0');

		if (!is_digit(val[i]) || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}

	*out = n;
	return true;
}

static bool parse_uint(const struct xs_key_def *def, const char *val, size_t len, uint32_t *out)
{
	uint64_t n;

	if (!parse_decimal(val, len, UINT32_MAX, &n) || n < def->min || n > def->max)
		return false;

	*out = (uint32_t)n;
	return true;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A guest's address is never a group address, nor all zeros. */
static bool parse_mac(const char *val, size_t len, uint8_t out[6])
{
	static const uint8_t zero[6];
	unsigned int i;

	if (len != KEYVAL_MAC_SIZE - 1)
		return false;

	for (i = 0; i < 6; i++) {
		int high = hex_digit(val[3 * i]), low = hex_digit(val[3 * i + 1]);

		if (high < 0 || low < 0 || (i < 5 && val[3 * i + 2] != ':'))
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}

	return !(out[0] & 1) && memcmp(out, zero, sizeof(zero)) != 0;
}

static bool parse_rate(const char *val, size_t len, struct keyval_rate *out)
{
	const char *comma = memchr(val, ',', len);
	uint64_t bytes, usec;
	size_t head;

	if (!comma)
		return false;

	head = (size_t)(comma - val);
	if (!parse_decimal(val, head, UINT64_MAX, &bytes) ||
	    !parse_decimal(comma + 1, len - head - 1, UINT32_MAX, &usec) || bytes == 0 || usec == 0)
		return false;

	out->bytes = bytes;
	out->usec = (uint32_t)usec;
	return true;
}

/* Xen's own set of bytes (xenstore.txt); no empty part and no '/' at the end, so one path has one spelling. */
static bool is_path(const char *val, size_t len)
{
	static const char others[] = {'-', '/', '_', '@'};
	size_t i;

	if (len < 2 || val[0] != '/' || val[len - 1] == '/')
		return false;

	for (i = 1; i < len; i++) {
		char lower = (char)(val[i] | 0x20);

		if (val[i] == '/' && val[i - 1] == '/')
			return false;
		if (!is_digit(val[i]) && !(lower >= 'a' && lower <= 'z') &&
		    !memchr(others, val[i], sizeof(others)))
			return false;
	}
	return true;
}

/* Absolute and without a ".." part, which could leave the folder an administrator meant. */
static bool is_file(const char *val, size_t len)
{
	size_t i;

	if (len < 2 || val[0] != '/')
		return false;

	for (i = 0; i + 2 < len; i++)
		if (val[i] == '/' && val[i + 1] == '.' && val[i + 2] == '.' &&
		    (i + 3 == len || val[i + 3] == '/'))
			return false;
	return true;
}

static bool is_text(const struct xs_key_def *def, const char *val, size_t len)
{
	size_t i;

	if (len < def->min || len > def->max)
		return false;

	for (i = 0; i < len; i++)
		if (is_control(val[i]))
			return false;

	if (def->type == XS_TYPE_PATH)
		return is_path(val, len);
	return def->type != XS_TYPE_FILE || is_file(val, len);
}

static bool is_number_type(enum xs_type type)
{
	return type == XS_TYPE_UINT || type == XS_TYPE_BOOL || type == XS_TYPE_STATE;
}

static bool is_text_type(enum xs_type type)
{
	return type == XS_TYPE_STRING || type == XS_TYPE_PATH || type == XS_TYPE_FILE;
}

enum keyval_verdict keyval_uint(enum xs_key key, const char *val, size_t len, uint32_t *out)
{
	const struct xs_key_def *def = def_of(key);
	enum keyval_verdict verdict;

	*out = 0;
	if (!def || !is_number_type(def->type))
		return KEYVAL_REFUSE;

	verdict = judge(def, val, val && parse_uint(def, val, len, out));
	if (verdict == KEYVAL_DEFAULT || verdict == KEYVAL_IGNORED)
		*out = def->def;
	return verdict;
}

enum keyval_verdict keyval_bool(enum xs_key key, const char *val, size_t len, bool *out)
{
	const struct xs_key_def *def = def_of(key);
	enum keyval_verdict verdict;
	uint32_t n;

	*out = false;
	if (!def || def->type != XS_TYPE_BOOL)
		return KEYVAL_REFUSE;

	verdict = keyval_uint(key, val, len, &n);
	*out = n != 0;
	return verdict;
}

enum keyval_verdict keyval_state(enum xs_key key, const char *val, size_t len, unsigned int *out)
{
	const struct xs_key_def *def = def_of(key);
	enum keyval_verdict verdict;
	uint32_t n;

	*out = 0;
	if (!def || def->type != XS_TYPE_STATE)
		return KEYVAL_REFUSE;

	verdict = keyval_uint(key, val, len, &n);
	*out = n;
	return verdict;
}

enum keyval_verdict keyval_mac(enum xs_key key, const char *val, size_t len, uint8_t out[6])
{
	const struct xs_key_def *def = def_of(key);
	enum keyval_verdict verdict = KEYVAL_REFUSE;

	if (def && def->type == XS_TYPE_MAC)
		verdict = judge(def, val, val && parse_mac(val, len, out));
	if (verdict != KEYVAL_OK)
		memset(out, 0, 6);
	return verdict;
}

enum keyval_verdict keyval_rate(enum xs_key key, const char *val, size_t len,
				struct keyval_rate *out)
{
	const struct xs_key_def *def = def_of(key);

	*out = (struct keyval_rate){.bytes = UINT64_MAX, .usec = 0};
	if (!def || def->type != XS_TYPE_RATE)
		return KEYVAL_REFUSE;

	return judge(def, val, val && parse_rate(val, len, out));
}

enum keyval_verdict keyval_string(enum xs_key key, const char *val, size_t len, char *out,
				  size_t size)
{
	const struct xs_key_def *def = def_of(key);
	enum keyval_verdict verdict = KEYVAL_REFUSE;

	if (size == 0)
		return KEYVAL_REFUSE;

	if (def && is_text_type(def->type))
		verdict = judge(def, val, val && len < size && is_text(def, val, len));
	if (val && verdict == KEYVAL_OK)
		memcpy(out, val, len);
	else
		len = 0;
	out[len] = '\0';
	return verdict;
}

enum keyval_verdict keyval_check(enum xs_key key, const char *val, size_t len)
{
	const struct xs_key_def *def = def_of(key);
	struct keyval_rate rate;
	uint8_t mac[6];
	uint32_t n;

	if (!def)
		return KEYVAL_REFUSE;
	if (def->type == XS_TYPE_MAC)
		return keyval_mac(key, val, len, mac);
	if (def->type == XS_TYPE_RATE)
		return keyval_rate(key, val, len, &rate);
	if (is_text_type(def->type))
		return judge(def, val, val && is_text(def, val, len));
	return keyval_uint(key, val, len, &n);
}

bool keyval_path_is_of(const char *path, unsigned int domid)
{
	struct keyval_vif home = {.backend = domid};
	char prefix[64];
	size_t len;

	if (!is_path(path, strlen(path)) ||
	    !keyval_dir_path(prefix, sizeof(prefix), XS_DIR_DOM, &home))
		return false;

	len = strlen(prefix);
	return strncmp(path, prefix, len) == 0 && path[len] == '/';
}

/* What would have been good, to end the sentence with. */
static void print_wish(const struct xs_key_def *def, char *buf, size_t size)
{
	static const char *const wish[] = {
		[XS_TYPE_BOOL] = "0 or 1",
		[XS_TYPE_MAC] = "the address of one Ethernet interface",
		[XS_TYPE_RATE] = "two numbers above 0 with a comma between",
		[XS_TYPE_PATH] = "an absolute xenstore path",
		[XS_TYPE_FILE] = "an absolute file name",
	};

	if (def->type == XS_TYPE_STRING)
		snprintf(buf, size, "%" PRIu32 " to %" PRIu32 " printable characters", def->min,
			 def->max);
	else if (def->type == XS_TYPE_UINT || def->type == XS_TYPE_STATE)
		snprintf(buf, size, "a number from %" PRIu32 " to %" PRIu32, def->min, def->max);
	else
		snprintf(buf, size, "%s", wish[def->type]);
}

/* Enough of the value to know it again; a quote, a backslash and all that is not ASCII text as \xNN. */
static void escape(const char *val, size_t len, char *buf, size_t size)
{
	enum {
		SHOWN = 32
	};
	size_t i, at = 0;

	for (i = 0; i < len && i < SHOWN && at + 5 < size; i++) {
		bool plain =
			!is_control(val[i]) && !(val[i] & 0x80) && val[i] != '"' && val[i] != '\\';

		at += (size_t)snprintf(buf + at, size - at, plain ? "%c" : "\\x%02x",
				       (unsigned char)val[i]);
	}
	snprintf(buf + at, size - at, "%s", i < len ? "..." : "");
}

const char *keyval_explain(enum xs_key key, const char *val, size_t len, char *buf, size_t size)
{
	const struct xs_key_def *def = def_of(key);
	char shown[160], wish[64];

	if (!def) {
		snprintf(buf, size, "key %d does not exist", (int)key);
		return buf;
	}
	if (!val) {
		snprintf(buf, size, "%s is missing", def->name);
		return buf;
	}

	escape(val, len, shown, sizeof(shown));
	print_wish(def, wish, sizeof(wish));
	snprintf(buf, size, "%s: \"%s\" is not %s", def->name, shown, wish);
	return buf;
}

const char *xsk_name(enum xs_key key)
{
	const struct xs_key_def *def = def_of(key);

	return def ? def->name : "";
}

size_t keyval_format_uint(enum xs_key key, uint32_t number, char buf[KEYVAL_NUMBER_SIZE])
{
	const struct xs_key_def *def = def_of(key);

	buf[0] = '\0';
	if (!def || !is_number_type(def->type) || number < def->min || number > def->max)
		return 0;

	return (size_t)snprintf(buf, KEYVAL_NUMBER_SIZE, "%" PRIu32, number);
}

void keyval_format_mac(const uint8_t mac[6], char buf[KEYVAL_MAC_SIZE])
{
	snprintf(buf, KEYVAL_MAC_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
}

/* --- paths: the patterns of the schema, filled in and taken apart --- */

struct path_buf {
	char *buf;
	size_t size, at;
	bool good;
};

static void append(struct path_buf *p, const char *text, size_t len)
{
	if (!p->good || len >= p->size - p->at) {
		p->good = false;
		return;
	}
	memcpy(p->buf + p->at, text, len);
	p->at += len;
}

static bool finish(struct path_buf *p)
{
	if (p->size > 0)
		p->buf[p->good ? p->at : 0] = '\0';
	return p->good;
}

/* Copy the pattern and put numbers in the place of its $WORDS. */
static void expand(struct path_buf *p, const char *pattern, const struct keyval_vif *vif)
{
	const struct {
		const char *word;
		unsigned int number;
	} words[] = {
		{"$BACKEND", vif->backend},
		{"$DOMID", vif->domid},
		{"$DEVID", vif->devid},
		{"$QUEUE", vif->queue},
	};
	char number[KEYVAL_NUMBER_SIZE];
	size_t i, len;

	while (*pattern) {
		len = 1 + strcspn(pattern + 1, "$");
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			size_t word_len = strlen(words[i].word);

			if (strncmp(pattern, words[i].word, word_len) != 0)
				continue;
			snprintf(number, sizeof(number), "%u", words[i].number);
			append(p, number, strlen(number));
			pattern += word_len;
			len -= word_len;
			break;
		}
		append(p, pattern, len);
		pattern += len;
	}
}

static struct path_buf path_start(char *buf, size_t size)
{
	return (struct path_buf){.buf = buf, .size = size, .good = size > 0};
}

bool keyval_dir_path(char *buf, size_t size, enum xs_dir dir, const struct keyval_vif *vif)
{
	struct path_buf p = path_start(buf, size);

	expand(&p, xs_dirs[dir], vif);
	return finish(&p);
}

bool keyval_key_path(char *buf, size_t size, enum xs_key key, const struct keyval_vif *vif)
{
	struct path_buf p = path_start(buf, size);

	expand(&p, xs_dirs[xs_keys[key].dir], vif);
	append(&p, "/", 1);
	expand(&p, xs_keys[key].name, vif);
	return finish(&p);
}

/* The backend directory without its last two parts, "/$DOMID/$DEVID". */
static size_t root_length(void)
{
	return (size_t)(strstr(xs_dirs[XS_DIR_BE], "/$DOMID/") - xs_dirs[XS_DIR_BE]);
}

bool keyval_root_path(char *buf, size_t size, unsigned int backend)
{
	struct keyval_vif vif = {.backend = backend};
	struct path_buf p = path_start(buf, size);
	char root[64];

	snprintf(root, sizeof(root), "%.*s", (int)root_length(), xs_dirs[XS_DIR_BE]);
	expand(&p, root, &vif);
	return finish(&p);
}

bool keyval_queue_path(char *buf, size_t size, unsigned int queues, unsigned int queue,
		       enum xs_key key)
{
	struct keyval_vif vif = {.queue = queue};
	struct path_buf p = path_start(buf, size);

	if (queues > 1) {
		expand(&p, strrchr(xs_dirs[XS_DIR_QUEUE], '/') + 1, &vif);
		append(&p, "/", 1);
	}
	append(&p, xsk_name(key), strlen(xsk_name(key)));
	return finish(&p);
}

/* Read a number and the '/' or end behind it; NULL if it is not one. */
static const char *take_number(const char *at, unsigned int *out)
{
	size_t len = strcspn(at, "/");
	uint64_t n;

	if (!parse_decimal(at, len, UINT32_MAX, &n))
		return NULL;

	*out = (unsigned int)n;
	at += len;
	return *at == '/' ? at + 1 : at;
}

/* Skip "/local/domain/<n>/" if it is there; a relative path starts at the reader's home. */
static const char *skip_home(const char *path, struct keyval_vif *vif)
{
	const char *pattern = xs_dirs[XS_DIR_DOM];
	size_t len = strcspn(pattern, "$");

	if (path[0] != '/')
		return path;
	return strncmp(path, pattern, len) == 0 ? take_number(path + len, &vif->backend) : NULL;
}

int keyval_split_path(const char *path, struct keyval_vif *vif, const char **leaf)
{
	const char *root = xs_dirs[XS_DIR_BE] + strlen(xs_dirs[XS_DIR_DOM]) + 1;
	size_t len = root_length() - strlen(xs_dirs[XS_DIR_DOM]) - 1;
	unsigned int *const numbers[] = {&vif->domid, &vif->devid};
	const char *at = skip_home(path, vif);
	int found;

	if (!at || strncmp(at, root, len) != 0 || (at[len] != '/' && at[len] != '\0'))
		return -1;

	at += at[len] == '/' ? len + 1 : len;
	for (found = 0; found < 2 && *at; found++) {
		at = take_number(at, numbers[found]);
		if (!at)
			return -1;
	}

	if (leaf)
		*leaf = at;
	return found;
}
