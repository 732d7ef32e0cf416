/*
 * filter-dkimverify as a whole, with its DNS down to the packets: libunbound
 * is this file.  Steps of DNS, each about the oldest query on its way (in
 * capitals: the newest):
 *
 *	pRS PACKET	libunbound has this packet (without the space);
 *				a byte each, the packet is escaped
 *	k TEXT			a good packet with this TXT record
 *	i ...			as "p", but for the next query, from inside
 *	f			the next query cannot be started
 */
#include <stdio.h>
#include <unbound-event.h>
#include <unbound.h>

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "filter-dkimverify/config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/script.h"

enum {
	STRING_MAX = 255 /* bytes of a string of a TXT record */
};

struct query {
	void *arg;
	ub_event_callback_type cb;
	struct query *prev, *next;
};

static struct query *queries;
static struct str at_once; /* what the next query is answered */
static bool refuse; /* the next query */

/* ---- libunbound ---- */

struct ub_ctx {
	int unused;
};

static struct ub_ctx context;

struct ub_ctx *
ub_ctx_create(void)
{
	return &context;
}

struct ub_ctx *
ub_ctx_create_event(struct event_base *base)
{
	(void)base;
	return &context;
}

void
ub_ctx_delete(struct ub_ctx *c)
{
	struct query *q, *next;

	(void)c;
	DL_FOREACH_SAFE (queries, q, next)
		free(q);
	queries = NULL;
	at_once = STR_NULL;
	refuse = false;
}

int
ub_ctx_set_option(struct ub_ctx *c, const char *opt, const char *val)
{
	(void)c;
	(void)opt;
	(void)val;
	return 0;
}

int
ub_ctx_debugout(struct ub_ctx *c, void *out)
{
	(void)c;
	(void)out;
	return 0;
}

int
ub_ctx_set_fwd(struct ub_ctx *c, const char *addr)
{
	(void)c;
	(void)addr;
	return 0;
}

int
ub_ctx_zone_add(struct ub_ctx *c, const char *name, const char *type)
{
	(void)c;
	(void)name;
	(void)type;
	return 0;
}

/* The end of a packet is where memory ends. */
static void
answer(void *arg, ub_event_callback_type cb, struct str packet)
{
	unsigned rcode = fuzz_byte(&packet) % 16;
	unsigned secure = fuzz_byte(&packet) % 4; /* 3: no packet */
	char *copy = malloc(packet.n + 1);

	MUST(copy != NULL);
	if (packet.n > 0)
		memcpy(copy, packet.p, packet.n);
	cb(arg, (int)rcode, secure == 3 ? NULL : copy, (int)packet.n,
	    (int)secure % 3, NULL, 0);
	free(copy);
}

int
ub_resolve_event(struct ub_ctx *c, const char *name, int type, int class,
    void *arg, ub_event_callback_type cb, int *id)
{
	struct str packet = at_once;
	struct query *q;

	(void)c;
	(void)id;
	MUST(type == 16 && class == 1 && strlen(name) <= DNS_NAME_MAX);
	fuzz_engine_trace("DNS", str_c(name));
	if (refuse) {
		refuse = false;
		return UB_NOMEM;
	}
	if (at_once.n > 0) {
		at_once = STR_NULL;
		answer(arg, cb, packet);
		return 0;
	}
	q = calloc(1, sizeof(*q));
	MUST(q != NULL);
	q->arg = arg;
	q->cb = cb;
	DL_APPEND(queries, q);
	return 0;
}

/* ---- steps ---- */

/* RCODE, SECURE and a packet with one TXT record, its TTL an hour. */
static struct str
good_packet(struct str text)
{
	static const char head[] = "00\0\1\201\200\0\0\0\1\0\0\0\0"
				   "\0\0\20\0\1\0\0\16\20";
	static struct buf b;
	size_t n = text.n + text.n / STRING_MAX + 1;

	buf_clear(&b);
	buf_init(&b, SCRIPT_TEXT_MAX * 2);
	buf_add(&b, head, sizeof(head) - 1);
	buf_chr(&b, (char)(n >> 8));
	buf_chr(&b, (char)n);
	do {
		struct str s = str_head(text, STRING_MAX);
		buf_chr(&b, (char)s.n);
		buf_str(&b, s);
		text = str_from(text, s.n);
		n -= s.n + 1;
	} while (n > 0);
	return buf_view(&b);
}

static void
dns(char verb, struct str text)
{
	static char kept[SCRIPT_TEXT_MAX];
	struct query *q;
	bool newest = verb == 'P' || verb == 'K';

	text = fuzz_unescape(text);
	if (verb == 'f') {
		refuse = true;
	} else if (verb == 'i' && text.n > 0) {
		memcpy(kept, text.p, text.n);
		at_once = str_n(kept, text.n);
	} else if ((verb == 'p' || verb == 'k' || newest) && queries != NULL) {
		q = newest ? queries->prev : queries;
		DL_DELETE(queries, q);
		answer(q->arg, q->cb,
		    verb == 'k' || verb == 'K' ? good_packet(text) : text);
		free(q);
	}
}

/* clang-format off */
static const char *const sets[][SCRIPT_OPTS] = {
	{ "--resolver", "192.0.2.53", "--spool-size", "4096" },
	{ "--resolver", "192.0.2.53", "--forged", "all", "--allow-l",
	    "--dns-deadline", "2", "--dns-timeout", "1", "--on-fail", "junk",
	    "--on-temperror", "tempfail", "mx.example.org" },
	{ "--resolver", "192.0.2.53", "--must-sign", "dkim.example",
	    "--on-unsigned", "reject", "--on-bad-from", "junk",
	    "--large-header", "reject", "--own-id", ".example.net",
	    "--rename-forged" },
	{ "--resolver", "192.0.2.53", "--exempt", "192.0.2.0/24", "--exempt",
	    "auth", "--auth", "verify", "--on-none", "reject", "--on-policy",
	    "junk", "--memory", "1M" },
	{ "--resolver", "192.0.2.53", "--max-signatures", "1", "--forged",
	    "keep", "--deadline", "1", "--long-lines", "reject",
	    "--on-permerror", "junk", "--on-neutral", "reject" },
};
/* clang-format on */

/* Options add up, so each input starts with those of before any. */
static void
reset_options(void)
{
	static struct config first;
	static bool kept;
	struct config *c = (struct config *)(uintptr_t)config_get();

	if (!kept)
		first = *c;
	kept = true;
	*c = first;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct fuzz_filter ff = {
		.sets = sets,
		.nsets = sizeof(sets) / sizeof(sets[0]),
		.whole = JUDGE_BODY,
		.added = -1,
		.outside = dns,
	};

	reset_options();
	fuzz_script(&ff, fuzz_text(data, n));
	return 0;
}
