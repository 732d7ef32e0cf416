#include <stdio.h>
#include <stdlib.h>

#include "common/dkim/sig.h"
#include "filter-dkimsign/keytable.h"
#include "filter-dkimsign/safefile.h"
#include "filter-dkimsign/words.h"

enum {
	WORDS_LEAST = 3 /* of a line */
};

/* A key file that was read: many domains may use one. */
struct keyfile {
	char *path;
	struct key *key; /* NULL: no good, which was told */
	UT_hash_handle hh;
};

struct keytable {
	struct keytable_defaults defaults;
	struct keydomain *domains;
	struct keyfile *files;
};

struct keytable *
keytable_new(const struct keytable_defaults *d)
{
	struct keytable *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->defaults = *d;
	return t;
}

static void
domain_free(struct keydomain *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].selector);
		free(d->v[i].d);
		free(d->v[i].identity);
		key_free(d->v[i].key);
	}
	free(d->name);
	free(d);
}

static void
keyfile_free(struct keyfile *f)
{
	key_free(f->key);
	free(f->path);
	free(f);
}

void
keytable_free(struct keytable *t)
{
	struct keydomain *d, *dnext;
	struct keyfile *f, *fnext;

	if (t == NULL)
		return;
	/* Without its table a list of them is left. */
	d = t->domains;
	HASH_CLEAR(hh, t->domains);
	for (; d != NULL; d = dnext) {
		dnext = d->hh.next;
		domain_free(d);
	}
	f = t->files;
	HASH_CLEAR(hh, t->files);
	for (; f != NULL; f = fnext) {
		fnext = f->hh.next;
		keyfile_free(f);
	}
	free(t);
}

/* Reads a key and says what is wrong with it. */
static struct key *
read_key(const char *path, const char *where, unsigned line, struct report *r)
{
	struct key *key = NULL;
	char why[SAFEFILE_WHY_MAX];
	enum key_error err;
	struct buf text;

	buf_init(&text, KEY_FILE_MAX);
	if (safefile_read(path, true, &text, why) == -1) {
		report_error(r, where, line, "key %s: %s", path, why);
		goto out;
	}
	err = key_parse(buf_view(&text), &key);
	if (err != KEY_GOOD) {
		report_error(
		    r, where, line, "key %s: %s", path, key_error_text(err));
		goto out;
	}
	if (key_type(key) == KEY_RSA && key_bits(key) < KEY_RSA_GOOD_MIN)
		report_warning(r, where, line,
		    "key %s: %u bits are weak, make it 2048", path,
		    key_bits(key));
	else if (key_type(key) == KEY_RSA && key_bits(key) > KEY_RSA_GOOD_MAX)
		report_warning(r, where, line,
		    "key %s: not all verifiers take %u bits", path,
		    key_bits(key));
out:
	if (text.p != NULL)
		key_cleanse(text.p, text.cap);
	buf_clear(&text);
	return key;
}

/* The key in a file; each is read once.  NULL if it is no good. */
static struct key *
get_key(struct keytable *t, const struct keytable_line *l, const char *where,
    unsigned line, struct report *r)
{
	char *path = str_dup(l->file);
	struct keyfile *f = NULL;

	if (path != NULL)
		HASH_FIND_STR(t->files, path, f);
	if (f != NULL) {
		if (f->key == NULL && !l->told)
			report_error(r, where, line, "key %s: see above", path);
		free(path);
		return f->key;
	}
	f = calloc(1, sizeof(*f));
	if (path == NULL || f == NULL)
		goto nomem;
	f->path = path;
	HASH_ADD_KEYPTR(hh, t->files, path, strlen(path), f);
	if (!hash_added(f))
		goto nomem;
	f->key = read_key(path, where, line, r);
	return f->key;
nomem:
	report_error(r, where, line, "no memory");
	free(path);
	free(f);
	return NULL;
}

const struct key *
keytable_key(
    struct keytable *t, struct str file, const char *where, struct report *r)
{
	const struct keytable_line l = { .file = file };

	return get_key(t, &l, where, 0, r);
}

static struct keydomain *
get_domain(struct keytable *t, const char *name)
{
	struct keydomain *d = NULL;

	HASH_FIND_STR(t->domains, name, d);
	if (d != NULL)
		return d;
	d = calloc(1, sizeof(*d));
	if (d == NULL || (d->name = str_dup(str_c(name))) == NULL) {
		free(d);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, t->domains, d->name, strlen(d->name), d);
	if (hash_added(d))
		return d;
	domain_free(d);
	return NULL;
}

/* RSA goes before Ed25519: old verifiers look at the first fields only. */
static void
insert(struct keydomain *d, const struct signer *s)
{
	size_t at = d->n;

	while (at > 0 && key_type(s->key) == KEY_RSA &&
	    key_type(d->v[at - 1].key) != KEY_RSA)
		at--;
	memmove(d->v + at + 1, d->v + at, (d->n - at) * sizeof(*d->v));
	d->v[at] = *s;
	d->n++;
}

/* Names of a line in the form they are used in. */
struct names {
	char domain[SIG_NAME_MAX + 1];
	char selector[SIG_NAME_MAX + 1];
	char d[SIG_NAME_MAX + 1];
	char identity[KEYTABLE_LOCAL_MAX + 1 + SIG_NAME_MAX + 1];
};

/* One line's place, for errors. */
struct place {
	const char *where;
	unsigned line;
	struct report *report;
};

static void
bad_word(const struct place *p, struct str word, const char *why)
{
	report_error(p->report, p->where, p->line, "\"%.*s\": %s", (int)word.n,
	    word.p, why);
}

/* The part before the "@", without quotes; RFC 5321 section 4.1.2, or empty. */
static bool
is_local_part(struct str s)
{
	char last = '.';

	for (size_t i = 0; i < s.n; last = s.p[i++])
		if ((unsigned char)s.p[i] <= ' ' ||
		    str_has(STR("\"(),:;<>@[\\]\x7f"), s.p[i]) ||
		    (s.p[i] == '.' && last == '.'))
			return false;
	return s.n == 0 || (last != '.' && s.n <= KEYTABLE_LOCAL_MAX);
}

/* RFC 6376 section 3.5: i= is at the domain of d= or below it. */
static int
convert_identity(const struct keytable_line *l, struct names *n)
{
	const char *d = n->d[0] != '\0' ? n->d : n->domain;
	char domain[SIG_NAME_MAX + 1];
	struct str local = l->i, tail;

	n->identity[0] = '\0';
	if (l->i.n == 0)
		return 0;
	if (!str_rcut(&local, '@', &tail) || !is_local_part(local) ||
	    sig_rooted_domain(tail, domain) == -1 || !sig_is_below(domain, d))
		return -1;
	(void)snprintf(n->identity, sizeof(n->identity), "%.*s@%s",
	    (int)local.n, local.p, domain);
	return 0;
}

/* Tells all that is wrong; -1 if anything is. */
static int
convert_names(
    const struct keytable_line *l, struct names *n, const struct place *p)
{
	struct str dots = STR("._domainkey.");
	unsigned errors = p->report->errors;
	bool selected = sig_domain(l->selector, n->selector) == 0;

	n->domain[0] = '*';
	n->domain[1] = n->d[0] = '\0';
	if (!str_eq(l->domain, STR("*")) &&
	    sig_rooted_domain(l->domain, n->domain) == -1)
		bad_word(p, l->domain, "the domain is no domain name");
	if (!selected && !l->told)
		bad_word(p, l->selector, "the selector is no domain name");
	if (l->d.n > 0 && sig_rooted_domain(l->d, n->d) == -1)
		bad_word(p, l->d, "d= is no domain name");
	if (!selected || p->report->errors > errors)
		return -1;
	if (convert_identity(l, n) == -1) {
		bad_word(p, l->i, "i= is no address at the domain of d=");
		return -1;
	}
	if (strlen(n->selector) + dots.n +
		strlen(n->d[0] != '\0' ? n->d : n->domain) <=
	    SIG_NAME_MAX)
		return 0;
	bad_word(p, l->selector, "selector and domain are too long together");
	return -1;
}

/* Is there a key of that selector and d=? */
static bool
has_names(const struct keydomain *d, const struct names *n)
{
	const char *wanted = n->d[0] != '\0' ? n->d : n->domain;

	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->v[i].selector, n->selector) == 0 &&
		    strcmp(keytable_d(d, &d->v[i], "*"), wanted) == 0)
			return true;
	return false;
}

static int
copy_names(const struct names *n, struct signer *s)
{
	s->selector = str_dup(str_c(n->selector));
	s->d = n->d[0] == '\0' ? NULL : str_dup(str_c(n->d));
	s->identity =
	    n->identity[0] == '\0' ? NULL : str_dup(str_c(n->identity));
	if (s->selector != NULL && (s->d != NULL || n->d[0] == '\0') &&
	    (s->identity != NULL || n->identity[0] == '\0'))
		return 0;
	free(s->selector);
	free(s->d);
	free(s->identity);
	return -1;
}

void
keytable_add(struct keytable *t, const struct keytable_line *l,
    const char *where, unsigned line, struct report *r)
{
	struct signer s = {
		.header = l->header, .body = l->body, .lifetime = l->lifetime
	};
	const struct place place = { where, line, r };
	struct keydomain *d;
	struct names n;
	int named = convert_names(l, &n, &place);

	if (l->file.n > 0 || !l->told)
		s.key = get_key(t, l, where, line, r);
	if (s.key == NULL || named == -1)
		return;
	d = get_domain(t, n.domain);
	if (d != NULL && d->n == KEYTABLE_DOMAIN_KEYS) {
		report_error(r, where, line, "more than %d keys for %s",
		    KEYTABLE_DOMAIN_KEYS, n.domain);
		return;
	}
	if (d != NULL && has_names(d, &n) && l->repeatable)
		return;
	if (d != NULL && has_names(d, &n)) {
		report_error(r, where, line, "selector %s of %s is given twice",
		    n.selector, n.domain);
		return;
	}
	if (d == NULL || copy_names(&n, &s) == -1) {
		report_error(r, where, line, "no memory");
		return;
	}
	(void)key_ref(s.key);
	insert(d, &s);
	d->exact = d->exact || l->exact;
}

/* One option of a line; what is wrong with it, or NULL. */
static const char *
parse_option(struct str word, struct keytable_line *l)
{
	struct str name;
	bool valued = str_cut(&word, '=', &name);

	if (!valued && str_eq(name, STR("exact"))) {
		l->exact = true;
		return NULL;
	}
	if (valued && str_eq(name, STR("d"))) {
		l->d = word;
		return word.n > 0 ? NULL : "d= is no domain name";
	}
	if (valued && str_eq(name, STR("i"))) {
		l->i = word;
		return word.n > 0 ? NULL : "i= is no address";
	}
	if (valued && str_eq(name, STR("c")))
		return sig_canon(word, &l->header, &l->body) == 0
		    ? NULL
		    : "c= is no canonicalization (simple/relaxed)";
	if (valued && str_eq(name, STR("x")))
		return str_u64(word, KEYTABLE_LIFETIME_MAX, &l->lifetime) == 0
		    ? NULL
		    : "x= is no number of seconds";
	return "unknown option";
}

struct keytable_line
keytable_line(const struct keytable *t)
{
	return (struct keytable_line){ .header = t->defaults.header,
		.body = t->defaults.body,
		.lifetime = t->defaults.lifetime };
}

/* Relative names of key files start at the folder of the table. */
static void
add_path(struct str file, const char *table, struct buf *out)
{
	struct str dir = str_c(table), tail;

	if (file.n > 0 && file.p[0] != '/' && str_rcut(&dir, '/', &tail)) {
		buf_str(out, dir);
		buf_chr(out, '/');
	}
	buf_str(out, file);
}

static void
take_words(void *arg, const struct words *w)
{
	const struct place place = { w->path, w->line, w->report };
	struct keytable *t = arg;
	struct keytable_line l = keytable_line(t);
	const char *bad;
	struct buf file;

	if (w->n < WORDS_LEAST) {
		report_error(w->report, w->path, w->line,
		    "a line needs domain, selector and key file");
		return;
	}
	l.domain = w->v[0];
	l.selector = w->v[1];
	for (size_t i = WORDS_LEAST; i < w->n; i++) {
		bad = parse_option(w->v[i], &l);
		if (bad != NULL)
			bad_word(&place, w->v[i], bad);
	}
	buf_init(&file, WORDS_FILE_MAX);
	add_path(w->v[2], w->path, &file);
	l.file = buf_view(&file);
	keytable_add(t, &l, w->path, w->line, w->report);
	buf_clear(&file);
}

void
keytable_load(struct keytable *t, const char *path, struct report *r)
{
	words_load(path, "keys", take_words, t, r);
}

const struct keydomain *
keytable_find(const struct keytable *t, const char *domain)
{
	struct keydomain *d = NULL;
	bool below = false;

	for (;; below = true) {
		HASH_FIND_STR(t->domains, domain, d);
		if (d != NULL && !(below && d->exact))
			return d;
		domain = strchr(domain, '.');
		if (domain == NULL)
			return NULL;
		domain++;
	}
}

const struct keydomain *
keytable_fallback(const struct keytable *t)
{
	struct keydomain *d = NULL;

	HASH_FIND_STR(t->domains, "*", d);
	return d;
}

const char *
keytable_d(
    const struct keydomain *d, const struct signer *s, const char *author)
{
	if (s->d != NULL)
		return s->d;
	return d->name[0] == '*' ? author : d->name;
}

const struct keydomain *
keytable_each(const struct keytable *t, const struct keydomain *last)
{
	return last == NULL ? t->domains : last->hh.next;
}

const struct keyfile *
keytable_each_file(const struct keytable *t, const struct keyfile *last)
{
	return last == NULL ? t->files : last->hh.next;
}

const char *
keytable_file_path(const struct keyfile *f)
{
	return f->path;
}

size_t
keytable_count(const struct keytable *t)
{
	return HASH_COUNT(t->domains);
}
