/*
 * filter-dkimsign as a whole.  Each signature it added verifies in the message
 * that leaves.  Its files are in memory: "key" is the Ed25519 key of RFC 8463
 * appendix A.2; the steps "K TEXT" and "F TEXT" (escaped) write "table" and
 * "other", which a SIGHUP reads.
 */
#include <stdio.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/dkim/verify.h"
#include "common/message/header.h"
#include "filter-dkimsign/options.h"
#include "filter-dkimsign/safefile.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/script.h"

#define KEY "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n"
#define TABLE \
	"example.net one key\n" \
	"example.net two key c=simple/simple\n" \
	"example.org three key i=@lists.example.org exact\n" \
	"* all key d=example.com\n"

enum {
	FILE_MAX = 4096
};

struct file {
	const char *path;
	const char *first; /* what is in it at the start */
	char text[FILE_MAX];
	size_t n;
};

static struct file files[] = {
	{ .path = "key", .first = KEY },
	{ .path = "table", .first = TABLE },
	{ .path = "other", .first = KEY },
	{ .path = "users", .first = "alice example.net\n* example.com\n" },
};

static void
write_file(struct file *f, struct str text)
{
	text = str_head(text, sizeof(f->text));
	memcpy(f->text, text.p, text.n);
	f->n = text.n;
}

/* Instead of that of filter-dkimsign. */
int
safefile_read(
    const char *path, bool secret, struct buf *out, char why[SAFEFILE_WHY_MAX])
{
	(void)secret;
	(void)snprintf(why, SAFEFILE_WHY_MAX, "no such file");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(path, files[i].path) == 0) {
			buf_add(out, files[i].text, files[i].n);
			return buf_failed(out) ? -1 : 0;
		}
	}
	return -1;
}

static void
write_step(char verb, struct str text)
{
	if (verb == 'K')
		write_file(&files[1], fuzz_unescape(text));
	else if (verb == 'F')
		write_file(&files[2], fuzz_unescape(text));
}

/* ---- what leaves ---- */

static struct str
skip_header(struct str *rest)
{
	struct str block = *rest, line;

	while (rest->n > 0 && rest->p[0] != '\n')
		(void)str_cut(rest, '\n', &line);
	block.n -= rest->n;
	return block;
}

static size_t
count_signatures(struct str block)
{
	struct field f;
	size_t n = 0;

	while (header_find(&block, STR("DKIM-Signature"), &f) == 1)
		n++;
	return n;
}

/* Without the dots that stand for one more: a new text. */
static struct buf
undot(struct str message)
{
	struct str line;
	struct buf b;

	buf_init(&b, SIZE_MAX);
	while (str_cut(&message, '\n', &line)) {
		buf_str(
		    &b, str_starts(line, STR(".")) ? str_from(line, 1) : line);
		buf_chr(&b, '\n');
	}
	return b;
}

/* The record of the key; made once, since that takes long. */
static struct record_set *
record(void)
{
	static struct record_set *set;
	struct key *key;
	struct buf text;
	struct str txt;

	if (set != NULL)
		return set;
	MUST(key_parse(STR(KEY), &key) == KEY_GOOD);
	buf_init(&text, SIZE_MAX);
	record_format(key, &text);
	txt = buf_view(&text);
	set = record_set_new(&txt, 1);
	MUST(set != NULL && set->n == 1);
	buf_clear(&text);
	key_free(key);
	return set;
}

static void
leaves(struct str in, struct str out)
{
	struct verify_options o = { .checked = VERIFY_CHECKED_MAX };
	struct buf message = undot(out);
	struct str body = buf_view(&message), block, line;
	size_t added, before = count_signatures(skip_header(&in));
	struct record_set *set = record();
	struct verify *v;

	block = skip_header(&body);
	added = count_signatures(block);
	MUST(added >= before);
	added -= before;
	v = verify_new(
	    block, false, STR("example.net"), &o, (uint64_t)clock_wall());
	MUST(v != NULL);
	if (added + before > VERIFY_CHECKED_MAX)
		added = 0;
	for (size_t i = 0; i < added; i++)
		verify_key(v, i, set);
	(void)str_cut(&body, '\n', &line);
	verify_body(v, body);
	verify_finish(v);
	for (size_t i = 0; i < added; i++) {
		if (verify_get(v, i)->error != DKIM_OK)
			fuzz_engine_trace(
			    "BAD", str_c(error_text(verify_get(v, i)->error)));
		MUST(verify_get(v, i)->error == DKIM_OK);
	}
	verify_free(v);
	buf_clear(&message);
}

/* clang-format off */
static const char *const sets[][SCRIPT_OPTS] = {
	{ "-d", "example.net", "-s", "sel", "-k", "key", "--workers", "0",
	    "--spool-size", "4096" },
	{ "-K", "table", "--workers", "0", "-x", "2000000000", "-z" },
	{ "-d", "example.net", "-s", "sel", "-k", "key", "--workers", "0",
	    "-c", "simple/relaxed", "--oversign", "list-friendly", "-z", "-z",
	    "--memory", "1M" },
	{ "-K", "table", "--user-map", "users", "--sign", "auth", "--workers",
	    "0", "--on-error", "pass", "--no-timestamp", "--oversign",
	    "none" },
	{ "-d", "example.net", "-s", "sel", "-k", "key", "--workers", "0",
	    "--default-domain", "example.com", "-h",
	    "from:subject:received:x-a", "--long-lines", "reject" },
	{ "-K", "table", "--workers", "0", "--deadline", "1", "-c", "simple",
	    "--sign", "local", "--author", "sender" },
};
/* clang-format on */

/* Options add up, so each input starts with those of before any. */
static void
reset_options(void)
{
	static struct options first;
	static bool kept;
	struct options *o = (struct options *)(uintptr_t)options_get();

	if (!kept)
		first = *o;
	kept = true;
	*o = first;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct fuzz_filter ff = {
		.sets = sets,
		.nsets = sizeof(sets) / sizeof(sets[0]),
		.whole = JUDGE_BODY,
		.added = -1,
		.outside = write_step,
		.leaves = leaves,
	};

	reset_options();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		write_file(&files[i], str_c(files[i].first));
	fuzz_script(&ff, fuzz_text(data, n));
	return 0;
}
