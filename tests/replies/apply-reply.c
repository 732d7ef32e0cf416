/*
 * Applies a recorded reply to a header, without HTTP and smtpd:
 *	apply-reply STATUS MESSAGE-OFFSET REPLY-FILE HEADER-FILE
 * prints "refuse REPLY", "error WHY", or "accept" and the header, and then
 * the new body, if there is one, after an empty line.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/protocol/reply.h"
#include "filter-rspamd/apply.h"
#include "filter-rspamd/verdict.h"

#define FILE_MAX (1024 * 1024)

static int
read_file(const char *name, struct buf *b)
{
	FILE *f = fopen(name, "rb");
	int c;

	if (f == NULL) {
		perror(name);
		return -1;
	}
	while ((c = getc(f)) != EOF)
		buf_chr(b, (char)c);
	(void)fclose(f);
	return buf_failed(b) ? -1 : 0;
}

static int
print(const struct verdict *v, const struct apply *a, struct str header)
{
	struct buf out;
	bool failed;

	buf_init(&out, (size_t)4 * FILE_MAX);
	if (a->refused) {
		buf_str(&out, STR("refuse "));
		reply_text(&out, a->code, str_c(a->status), a->text);
	} else {
		buf_str(&out, STR("accept\n"));
		if (a->edit != NULL)
			edit_write(a->edit, &out);
		else
			buf_str(&out, header);
	}
	if (a->has_body) {
		buf_chr(&out, '\n');
		buf_str(&out, v->body);
	}
	(void)fwrite(out.p, 1, out.n, stdout);
	failed = buf_failed(&out);
	buf_clear(&out);
	return failed;
}

static int
run(const struct verdict_reply *r, struct str header)
{
	static const struct apply_options o = { .discard = APPLY_REFUSE,
		.quarantine = APPLY_JUNK,
		.score = APPLY_SCORE_NEVER };
	struct verdict *v;
	struct apply a;
	struct buf why;
	int ret;

	buf_init(&why, 1000);
	v = verdict_parse(r, &why);
	if (v == NULL) {
		(void)printf("error %.*s", (int)why.n, why.p);
		buf_clear(&why);
		return 0;
	}
	if (apply_verdict(v, &o, header, &a) == -1)
		return 1;
	ret = print(v, &a, header);
	edit_free(a.edit);
	verdict_free(v);
	return ret;
}

int
main(int argc, char **argv)
{
	struct verdict_reply r;
	struct buf reply, header;
	int ret = 1;

	buf_init(&reply, FILE_MAX);
	buf_init(&header, FILE_MAX);
	if (argc == 5 && read_file(argv[3], &reply) == 0 &&
	    read_file(argv[4], &header) == 0) {
		r.status = (int)strtol(argv[1], NULL, 10);
		r.offset = str_c(argv[2]);
		r.body = buf_view(&reply);
		ret = run(&r, buf_view(&header));
	}
	buf_clear(&reply);
	buf_clear(&header);
	return ret;
}
