/*
 * SPDX-License-Identifier: ISC
 *
 * The verifying peer: libopendkim, which opendkim is made of.  Also signs the
 * messages that the benchmark verifies, so that signer and verifier are not
 * of one origin.
 *   opendkim-loop verify COUNT FILE RECORD
 *   opendkim-loop sign ALGORITHM KEYFILE DOMAIN SELECTOR < FILE
 * RECORD is the text of the key record; messages have LF or CR LF lines.
 */
#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <opendkim/dkim.h>

#define MESSAGE_MAX 67108864

static const char *record;

struct message {
	char *p; /* with CR LF */
	size_t len, head; /* head: bytes before the empty line */
};

static _Noreturn void
fail(const char *why)
{
	fprintf(stderr, "opendkim-loop: %s\n", why);
	exit(1);
}

static DKIM_CBSTAT
lookup(DKIM *dkim, DKIM_SIGINFO *sig, unsigned char *buf, size_t len)
{
	(void)dkim;
	(void)sig;
	(void)snprintf((char *)buf, len, "%s", record);
	return DKIM_CBSTAT_CONTINUE;
}

static struct message
message_read(FILE *f)
{
	struct message m = { malloc(MESSAGE_MAX), 0, 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (f == NULL || m.p == NULL)
		fail("cannot read the message");
	while ((n = getline(&line, &cap, f)) > 0) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (m.len + (size_t)n + 2 > MESSAGE_MAX)
			fail("message too long");
		if (n == 0 && m.head == 0)
			m.head = m.len;
		memcpy(m.p + m.len, line, (size_t)n);
		memcpy(m.p + m.len + n, "\r\n", 2);
		m.len += (size_t)n + 2;
	}
	free(line);
	if (m.head == 0)
		fail("message without a body");
	return m;
}

/* Feeds the message field by field, then the body in one piece. */
static DKIM_STAT
feed(DKIM *dkim, const struct message *m)
{
	size_t start, end;
	DKIM_STAT st;

	for (start = 0; start < m->head; start = end) {
		for (end = start + 2; end < m->head; end++) {
			if (memcmp(m->p + end - 2, "\r\n", 2) == 0 &&
			    m->p[end] != ' ' && m->p[end] != '\t')
				break;
		}
		st = dkim_header(
		    dkim, (unsigned char *)m->p + start, end - start - 2);
		if (st != DKIM_STAT_OK)
			return st;
	}
	st = dkim_eoh(dkim);
	if (st != DKIM_STAT_OK)
		return st;
	st = dkim_body(
	    dkim, (unsigned char *)m->p + m->head + 2, m->len - m->head - 2);
	if (st != DKIM_STAT_OK)
		return st;
	return dkim_eom(dkim, NULL);
}

static int
verify(DKIM_LIB *lib, char **argv)
{
	unsigned long i, count = strtoul(argv[2], NULL, 10);
	struct message m = message_read(fopen(argv[3], "r"));
	struct timespec ts;
	DKIM_STAT st;
	DKIM *dkim;
	double s;

	record = argv[4];
	(void)dkim_set_key_lookup(lib, lookup);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	s = -(double)ts.tv_sec - (double)ts.tv_nsec / 1e9;
	for (i = 0; i < count; i++) {
		dkim = dkim_verify(lib, (const unsigned char *)"id", NULL, &st);
		if (dkim == NULL)
			fail("no handle");
		st = feed(dkim, &m);
		if (st != DKIM_STAT_OK)
			fail(dkim_getresultstr(st));
		(void)dkim_free(dkim);
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	s += (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
	printf("msgs=%lu\tseconds=%.4f\tmsg_s=%.1f\tmb_s=%.2f\t"
	       "cpu_us_msg=%.2f\n",
	    count, s, (double)count / s,
	    (double)count * (double)m.len / 1e6 / s, s * 1e6 / (double)count);
	return 0;
}

static int
sign(DKIM_LIB *lib, char **argv)
{
	static char key[8192];
	struct message m = message_read(stdin);
	unsigned char header[4096];
	DKIM_STAT st;
	DKIM *dkim;
	size_t i;
	FILE *f;

	f = fopen(argv[3], "r");
	if (f == NULL || fread(key, 1, sizeof(key) - 1, f) == 0)
		fail("cannot read the key");
	(void)fclose(f);
	dkim = dkim_sign(lib, (const unsigned char *)"id", NULL,
	    (unsigned char *)key, (unsigned char *)argv[5],
	    (unsigned char *)argv[4], DKIM_CANON_RELAXED, DKIM_CANON_RELAXED,
	    strcmp(argv[2], "ed25519") == 0 ? DKIM_SIGN_ED25519SHA256
					    : DKIM_SIGN_RSASHA256,
	    -1, &st);
	if (dkim == NULL)
		fail("cannot sign");
	st = feed(dkim, &m);
	if (st != DKIM_STAT_OK)
		fail(dkim_getresultstr(st));
	st = dkim_getsighdr(dkim, header, sizeof(header), 16);
	if (st != DKIM_STAT_OK)
		fail(dkim_getresultstr(st));
	printf("DKIM-Signature: ");
	for (i = 0; header[i] != '\0'; i++) {
		if (header[i] != '\r')
			putchar(header[i]);
	}
	putchar('\n');
	for (i = 0; i < m.len; i++) {
		if (m.p[i] != '\r')
			putchar(m.p[i]);
	}
	(void)dkim_free(dkim);
	return 0;
}

int
main(int argc, char **argv)
{
	DKIM_LIB *lib;

	lib = dkim_init(NULL, NULL);
	if (lib == NULL)
		fail("cannot start libopendkim");
	if (argc == 5 && strcmp(argv[1], "verify") == 0)
		return verify(lib, argv);
	if (argc == 6 && strcmp(argv[1], "sign") == 0)
		return sign(lib, argv);
	fail("verify COUNT FILE RECORD, or sign ALGORITHM KEY DOMAIN SELECTOR");
}
