/*
 * SPDX-License-Identifier: ISC
 *
 * A synthetic smtpd: the other end of the filter pipe, for measuring filters
 * and for checking every line they answer.
 */
#ifndef BENCH_SMTPD_H
#define BENCH_SMTPD_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CHAIN_MAX 2 /* places one process can have in a chain here */
#define ASK_CAP 96 /* room for the prefix of a data-line request, 81 used */
#define ANS_CAP 64 /* room for the prefix of a data-line answer, 50 used */
#define HEAD_CAP 512 /* bytes of the Received field that smtpd adds */
#define HEAD_LINES 6
#define TEXTS_MAX 64 /* different messages in one run */
#define LINE_MAX_07 65535 /* longest answer without its LF since 7.4 */
#define LINE_MAX_06 2047 /* the same before 7.4, where the rest is cut */
#define DATA_MAX_07 65485 /* longest data line that can be answered whole */
#define DATA_MAX_06 1997
#define OUT_LOW 262144 /* bytes queued for the filter before we generate more */
#define WAIT_US 200000 /* longest sleep, so that silence is noticed */

enum event {
	EV_LINK_CONNECT,
	EV_LINK_DISCONNECT,
	EV_LINK_GREETING,
	EV_LINK_IDENTIFY,
	EV_LINK_TLS,
	EV_LINK_AUTH,
	EV_TX_RESET,
	EV_TX_BEGIN,
	EV_TX_MAIL,
	EV_TX_RCPT,
	EV_TX_ENVELOPE,
	EV_TX_DATA,
	EV_TX_COMMIT,
	EV_TX_ROLLBACK,
	EV_PROTOCOL_CLIENT,
	EV_PROTOCOL_SERVER,
	EV_FILTER_REPORT,
	EV_FILTER_RESPONSE,
	EV_TIMEOUT,
	EV_COUNT
};

enum phase {
	PH_CONNECT,
	PH_HELO,
	PH_EHLO,
	PH_STARTTLS,
	PH_AUTH,
	PH_MAIL_FROM,
	PH_RCPT_TO,
	PH_DATA,
	PH_DATA_LINE,
	PH_RSET,
	PH_QUIT,
	PH_NOOP,
	PH_HELP,
	PH_WIZ,
	PH_COMMIT,
	PH_COUNT
};

/* What a session does next. */
enum step {
	ST_CONNECT,
	ST_EHLO,
	ST_STARTTLS,
	ST_EHLO_AGAIN,
	ST_AUTH,
	ST_IDLE,
	ST_NOOP,
	ST_MAIL,
	ST_RCPT,
	ST_RSET,
	ST_DATA,
	ST_LINES,
	ST_COMMIT,
	ST_QUIT,
	ST_GONE
};

enum verdict {
	V_PROCEED,
	V_JUNK,
	V_REWRITE,
	V_REJECT,
	V_DISCONNECT
};

enum expect {
	EXPECT_EXACT,
	EXPECT_ADD,
	EXPECT_ANY
};

struct options {
	size_t size, count, sessions, line, headers, rcpts, idle, mails, burst;
	uint64_t seed;
	unsigned int drop, chain, timeout, proto, variants;
	double rate;
	enum expect expect;
	const char *verdict; /* accept, tempfail, permfail or any */
	const char *label, *trace, *sender, *samples, *counters;
	bool chaos, ghosts, overlong, eof_early, show;
	char **files;
	size_t nfiles;
	const char *share[TEXTS_MAX]; /* WEIGHT:WHAT */
	size_t nshares, hup;
};

/*
 * A message as the client sends it: lines with their LF, dots stuffed,
 * without the end mark.  Line i is buf + off[i] up to buf + off[i + 1].
 */
struct text {
	char *buf;
	size_t len, cap;
	size_t *off;
	size_t nlines, linecap;
	size_t content; /* bytes without LF and stuffing */
	bool loose; /* has lines that must be cut: only limits are checked */
	size_t weight; /* with --share: how often it is sent */
};

struct session {
	uint32_t index, generation;
	char sid[17];
	enum step step;
	int open; /* phase asked, or -1 */
	unsigned int link; /* place in the chain of the open request */
	bool ghost, tls, tx;
	bool partial; /* the dot came back before the whole message */
	bool junk_session, junk_tx; /* smtpd adds X-Spam: Yes */
	unsigned int origin; /* which kind of client, see session.c */
	size_t pos; /* in bench.active, or SIZE_MAX */
	size_t mails_left, rcpt, rcpt_ok, rcpts;
	uint32_t msgid;
	const struct text *text;
	char head[HEAD_CAP];
	uint16_t headoff[HEAD_LINES + 1];
	size_t nhead, nlines; /* nlines counts head and text, not the dot */
	size_t next, want; /* line to send, line expected back */
	size_t drop_at; /* line before which the client goes, SIZE_MAX never */
	uint64_t reset_ns; /* when it is taken back while the filter works */
	size_t txdata_at; /* line before which tx-data is reported */
	size_t got; /* content bytes that came back, for loose texts */
	size_t added; /* lines the filter put on top */
	bool dot_sent[CHAIN_MAX], dot_back[CHAIN_MAX];
	uint64_t dot_ns, back_ns;
	const char *sender, *rcptaddr; /* of the running command */
	char ask[CHAIN_MAX][ASK_CAP], ans[CHAIN_MAX][ANS_CAP];
};

/* Where in the output stream a final dot ends, to know when it left. */
struct dot {
	uint64_t at;
	uint32_t index, generation;
};

struct stats {
	uint64_t begun, accepted, tempfail, permfail, dropped, early;
	uint64_t sessions, unseen; /* unseen: dropped before the first line */
	uint64_t content, in, out; /* bytes: message, to and from the filter */
	uint64_t late, added, err_bytes, err_lines, err_control;
	uint64_t start_ns, stop_ns, cpu_ns, own_ns;
	uint64_t *lat, *done;
	size_t nlat, ndone, caplat;
	long rss_kb, idle_rss_kb, idle_fds;
};

struct bench {
	struct options opt;
	pid_t pid;
	int fd, errfd;
	bool ready, eof;
	bool event[EV_COUNT], phase[PH_COUNT];
	unsigned int
	    copies[EV_COUNT]; /* an event registered twice comes twice */
	char token[CHAIN_MAX][PH_COUNT][17];
	char version[8], stamp[40];
	time_t stamp_s; /* the second that stamp was made for */
	size_t asklen, anslen, linemax, datamax;

	struct session *slot;
	size_t nslots, idlers, alive;
	size_t *active; /* slots that have data lines to send */
	size_t nactive, turn;
	bool more; /* sessions wait for room in the queue to start */
	struct text text[TEXTS_MAX];
	size_t ntexts, weights;
	struct session *last;

	char *out;
	size_t outcap, outpos, outlen;
	uint64_t outbase; /* stream offset of out[0] */
	struct dot *dots;
	size_t dotcap, dothead, dottail;
	char *in;
	size_t incap, inlen;
	size_t errline;
	uint64_t now_ns, next_ns, heard_ns;
	uint64_t rng;
	void *trace, *samples;
	void *counters; /* takes what is written to stderr */
	uint64_t next_sample, next_hup;
	struct stats st;
};

/* common helpers, in smtpd.c */
uint64_t bench_now(void);
uint64_t bench_random(struct bench *b);
bool bench_chance(struct bench *b, unsigned int percent);
void
bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void *bench_grow(void *p, size_t *cap, size_t need, size_t each);

/*
 * Reports a line that would stop or hang a real smtpd, ends the filter and
 * this program (status 1).  s and line may be NULL.
 */
void bench_fault(struct bench *b, const struct session *s, const char *line,
    size_t len, const char *fmt, ...)
    __attribute__((format(printf, 5, 6), noreturn));

/* channel.c: the filter process and the bytes to and from it */
void channel_start(struct bench *b, char **argv);
void channel_turn(struct bench *b, unsigned int wait_us);
void channel_stop(struct bench *b);
char *channel_room(struct bench *b, size_t len);
void channel_put(struct bench *b, const char *p, size_t len);
void channel_print(struct bench *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void channel_mark(struct bench *b, const struct session *s);
uint64_t channel_cpu(const struct bench *b);
long channel_rss(const struct bench *b, const char *key);
long channel_fds(const struct bench *b);

/* handshake.c: config lines, registration, names of events and phases */
void handshake_send(struct bench *b);
void handshake_line(struct bench *b, const char *line, size_t len);
const char *handshake_phase(enum phase ph);
void handshake_report(struct bench *b, const struct session *s, enum event ev,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void handshake_ask(
    struct bench *b, const struct session *s, enum phase ph, const char *param);

/* text.c: the messages */
void text_load(struct bench *b);
void text_made(struct bench *b, size_t size);
void text_file(struct bench *b, const char *path);
struct text *text_new(struct bench *b);
void text_line(struct text *t, const char *p, size_t len);
void text_raw(struct text *t, const char *p, size_t len);

/* session.c: what the clients do */
void session_fill(struct bench *b);
void session_begin(struct bench *b, struct session *s);
void session_gone(struct bench *b, struct session *s);
void session_answer(
    struct bench *b, struct session *s, enum verdict v, const char *text);
void session_whole(struct bench *b, struct session *s);
struct session *session_find(struct bench *b, uint64_t sid, bool *old);
const char *session_step(const struct session *s);
bool session_done(const struct bench *b);

/* mail.c: the steps of one transaction */
void mail_command(struct bench *b, struct session *s);
void mail_begin(struct bench *b, struct session *s);
void mail_rcpt(struct bench *b, struct session *s, const char *result);
void mail_data(struct bench *b, struct session *s);
void mail_lines(struct bench *b, struct session *s, size_t burst);
void mail_drop(struct bench *b, struct session *s, bool pipelined);
void mail_rollback(struct bench *b, struct session *s);
void mail_commit(struct bench *b, struct session *s);
void mail_refuse(struct bench *b, struct session *s, const char *text);
void mail_count(struct bench *b, const struct session *s, const char *text);
const char *mail_line(const struct session *s, size_t i, size_t *len);

/* answer.c: checks of what the filter writes */
void answer_bytes(struct bench *b);

/* soak.c: long runs of mixed messages, watched from outside */
void soak_texts(struct bench *b);
const struct text *soak_pick(struct bench *b);
void soak_start(struct bench *b);
void soak_turn(struct bench *b);
void soak_stderr(struct bench *b, const char *p, size_t len);
void soak_end(struct bench *b);

/* chaos.c: odd but legal */
void chaos_config(struct bench *b);
void chaos_noise(struct bench *b, struct session *s);
void chaos_texts(struct bench *b);
void chaos_overlong(struct bench *b, size_t which);
const char *chaos_extra(struct bench *b);
const char *chaos_address(struct bench *b, const char *usual);

/* stats.c */
void stats_latency(struct bench *b, uint64_t ns, uint64_t done_ns);
void stats_print(struct bench *b);

#endif
