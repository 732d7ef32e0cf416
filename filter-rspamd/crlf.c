#include "filter-rspamd/crlf.h"

void
crlf_init(struct crlf *c, struct str head, const struct store *st)
{
	*c = (struct crlf){ .head = head, .store = st };
}

uint64_t
crlf_size(struct str head, const struct store *st)
{
	uint64_t n = head.n;
	struct str line;

	while (str_cut(&head, '\n', &line))
		n++;
	return st == NULL ? n : n + store_size(st) + store_lines(st);
}

/* Takes from *from what fits into room bytes at out; returns how many. */
static size_t
convert(struct crlf *c, struct str *from, char *out, size_t room)
{
	size_t n = 0;

	while (from->n > 0 && n < room) {
		size_t k = from->n < room - n ? from->n : room - n;
		const char *lf = memchr(from->p, '\n', k);

		if (lf != NULL)
			k = (size_t)(lf - from->p);
		memcpy(out + n, from->p, k);
		n += k;
		*from = str_from(*from, k);
		if (lf == NULL || n == room)
			continue;
		if (!c->cr) {
			out[n++] = '\r';
			c->cr = true;
		}
		if (n < room) {
			out[n++] = '\n';
			c->cr = false;
			*from = str_from(*from, 1);
		}
	}
	return n;
}

ssize_t
crlf_read(struct crlf *c, char *out, size_t room)
{
	static char scratch[CRLF_BLOCK];
	size_t n = convert(c, &c->head, out, room);

	while (n < room && c->store != NULL && c->off < store_size(c->store)) {
		size_t want = room - n < CRLF_BLOCK ? room - n : CRLF_BLOCK;
		struct str block;
		size_t before;

		if (store_block(c->store, c->off, want, scratch, &block) == -1)
			return -1;
		if (block.n == 0)
			return -1;
		before = block.n;
		n += convert(c, &block, out + n, room - n);
		c->off += before - block.n;
	}
	return (ssize_t)n;
}
