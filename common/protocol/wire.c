#include "common/protocol/wire.h"

int
wire_version(struct str s, unsigned *out)
{
	struct str major;
	uint64_t a, b = 0;
	bool has_minor = str_cut(&s, '.', &major);
	size_t n = 0;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	if (str_u64(major, 999, &a) == -1 ||
	    (has_minor && str_u64(str_head(s, n), 999, &b) == -1))
		return -1;
	*out = (unsigned)(a * 1000 + b);
	return 0;
}

/* Before 0.7 some events had the free field before the last one. */
static bool
free_before_last(const struct wire_event *ev)
{
	if (ev->event == EVENT_LINK_AUTH)
		return ev->version < WIRE_V07;
	return ev->version <= WIRE_V04 &&
	    (ev->event == EVENT_TX_MAIL || ev->event == EVENT_TX_RCPT);
}

static void
split_fields(struct wire_event *ev, struct str rest)
{
	unsigned want = event_fields(ev->event), n = 0;
	struct str swap;

	if (want == 0)
		return;
	while (n + 1 < want && str_cut(&rest, '|', &ev->field[n]))
		n++;
	if (n + 1 < want)
		n++; /* the line ended early: str_cut stored its last field */
	else
		ev->field[n++] = rest;
	ev->fields = n;
	if (n != want || !free_before_last(ev))
		return;
	/* field[n-2] '|' field[n-1] is one text: split at its last '|'. */
	swap = str_n(
	    ev->field[n - 2].p, ev->field[n - 2].n + 1 + ev->field[n - 1].n);
	if (str_rcut(&swap, '|', &ev->field[n - 2]))
		ev->field[n - 1] = swap;
}

/* Old versions tell smtpd's name without a session. */
static bool
is_bare_greeting(const struct wire_event *ev)
{
	return ev->event == EVENT_LINK_GREETING && ev->version <= WIRE_V04;
}

static int
parse_report(struct wire_event *ev, struct str rest)
{
	struct str subsystem, name, sid;
	bool more;

	if (!str_cut(&rest, '|', &subsystem) || !str_cut(&rest, '|', &name))
		return -1;
	more = str_cut(&rest, '|', &sid);
	ev->event = event_parse(name);
	if (str_hex64(sid, &ev->sid) == -1) {
		if (more || !is_bare_greeting(ev))
			return -1;
		ev->kind = WIRE_CONFIG;
		ev->key = STR("admd");
		ev->value = sid;
		return 0;
	}
	ev->smtp_in = str_eq(subsystem, STR("smtp-in"));
	if (more)
		split_fields(ev, rest);
	return 0;
}

static int
parse_filter(struct wire_event *ev, struct str rest)
{
	struct str subsystem, name, sid, token;

	if (!str_cut(&rest, '|', &subsystem) || !str_cut(&rest, '|', &name) ||
	    !str_cut(&rest, '|', &sid))
		return -1;
	(void)str_cut(&rest, '|', &token);
	if (str_hex64(sid, &ev->sid) == -1 ||
	    str_hex64(token, &ev->token) == -1)
		return -1;
	ev->smtp_in = str_eq(subsystem, STR("smtp-in"));
	ev->phase = phase_parse(name);
	ev->param = rest;
	return 0;
}

int
wire_parse(struct str line, struct wire_event *ev)
{
	struct str word, version;

	*ev = (struct wire_event){ .event = EVENT_UNKNOWN,
		.phase = PHASE_UNKNOWN };
	if (!str_cut(&line, '|', &word))
		return -1;
	if (str_eq(word, STR("config"))) {
		(void)str_cut(&line, '|', &ev->key);
		ev->value = line;
		ev->kind = WIRE_CONFIG;
		return 0;
	}
	if (str_eq(word, STR("filter")))
		ev->kind = WIRE_FILTER;
	else if (str_eq(word, STR("report")))
		ev->kind = WIRE_REPORT;
	else
		return -1;
	if (!str_cut(&line, '|', &version) ||
	    wire_version(version, &ev->version) == -1 ||
	    !str_cut(&line, '|', &ev->time))
		return -1;
	return ev->kind == WIRE_FILTER ? parse_filter(ev, line)
				       : parse_report(ev, line);
}

static bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The escape at the start of s, which begins with '\\'; 0 if it is none. */
static size_t
unvis_one(struct str s, char *out)
{
	static const char from[] = "\\nrbavtfs0E",
			  to[] = "\\\n\r\b\a\v\t\f \0\33";
	unsigned char meta = 0;
	size_t i = 1;
	const char *q;

	if (s.n >= 4 && is_octal(s.p[1]) && is_octal(s.p[2]) &&
	    is_octal(s.p[3])) {
		*out = (char)((s.p[1] - '0') * 64 + (s.p[2] - '0') * 8 +
		    (s.p[3] - '0'));
		return 4;
	}
	if (s.n >= 2 && s.p[1] == 'M') {
		meta = 0x80;
		i++;
	}
	if (s.n >= i + 2 && s.p[i] == '^') {
		*out = (char)(meta |
		    (s.p[i + 1] == '?' ? 0x7f : s.p[i + 1] & 0x1f));
		return i + 2;
	}
	if (meta != 0) {
		if (s.n < i + 2 || s.p[i] != '-')
			return 0;
		*out = (char)(meta | (unsigned char)s.p[i + 1]);
		return i + 2;
	}
	if (s.n < 2 || (q = memchr(from, s.p[1], sizeof(from) - 1)) == NULL)
		return 0;
	*out = to[q - from];
	return 2;
}

size_t
wire_unvis(struct str s, char *out)
{
	size_t n = 0, used;

	while (s.n > 0) {
		used = s.p[0] == '\\' ? unvis_one(s, &out[n]) : 0;
		if (used == 0) {
			out[n] = s.p[0];
			used = 1;
		}
		n++;
		s = str_from(s, used);
	}
	return n;
}
