#include "common/message/edit.h"
#include "filter-rspamd/request.h"

/* Fields that no option may set: ours, and those that change the transfer. */
static const char *const reserved[] = { "Accept", "Accept-Encoding",
	"Compression", "Connection", "Content-Encoding", "Content-Length",
	"Content-Type", "Deliver-To", "Expect", "File", "Flags", "From", "Helo",
	"Host", "Hostname", "IP", "Log-Tag", "MTA-Name", "MTA-Tag",
	"Message-Length", "Milter", "Pass", "Password", "Path", "Queue-Id",
	"Rcpt", "Settings", "Settings-ID", "Shm", "Shm-Length", "Shm-Offset",
	"TLS-Cipher", "TLS-Version", "Trailer", "Transfer-Encoding", "Upgrade",
	"User" };

/*
 * Appends "name: " open value close NUL, without the control bytes of the
 * value and the blanks around it; nothing if that leaves nothing.
 */
static void
field_in(struct buf *b, struct str name, const char *open, struct str value,
    const char *close)
{
	size_t start = b->n, empty;

	value = str_trim(value);
	buf_str(b, name);
	buf_str(b, STR(": "));
	buf_str(b, str_c(open));
	empty = b->n;
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (c >= 0x20 && c != 0x7f && (c != ' ' || b->n > empty))
			buf_chr(b, value.p[i]);
	}
	while (b->n > empty && b->p[b->n - 1] == ' ')
		b->n--;
	if (b->n == empty) {
		b->n = start;
		return;
	}
	buf_str(b, str_c(close));
	buf_chr(b, '\0');
}

static void
field(struct buf *b, struct str name, struct str value)
{
	field_in(b, name, "", value, "");
}

/* The client: address, names, user, TLS. */
static void
client_fields(struct buf *b, const struct session *s)
{
	struct str rdns = str_c(s->rdns);

	if (session_is_local(s))
		field(b, STR("IP"), STR("127.0.0.1"));
	else
		field(b, STR("IP"), session_ip(s));
	field(b, STR("Helo"), str_c(s->helo));
	if (s->fcrdns == FCRDNS_PASS && !str_ieq(rdns, STR("<unknown>")) &&
	    !str_ieq(rdns, STR("unknown")))
		field(b, STR("Hostname"), rdns);
	field(b, STR("User"), str_c(s->user));
	field(b, STR("TLS-Version"), str_c(s->tls_version));
	field(b, STR("TLS-Cipher"), str_c(s->tls_cipher));
}

static void
option_fields(struct buf *b, const struct session *s,
    const struct request_about *about, const struct request_options *o)
{
	struct str msgid = str_c(about->msgid), rcpt;
	size_t pos = 0;

	if (str_eq(msgid, STR("-")))
		msgid = STR_NULL;
	field(b, STR("Queue-Id"), msgid);
	field(b, STR("MTA-Name"),
	    s->greeting != NULL && s->greeting[0] != '\0' ? str_c(s->greeting)
							  : about->admd);
	field(b, STR("MTA-Tag"), o->mta_tag);
	field(b, STR("Flags"), STR("milter,body_block"));
	field(b, STR("Settings-ID"), o->settings_id);
	field(b, STR("Settings"), o->settings);
	if (o->pass_all)
		field(b, STR("Pass"), STR("all"));
	if (o->log_tag)
		field(b, STR("Log-Tag"), msgid);
	if (o->deliver_to && s->env.nrcpts == 1 && session_rcpt(s, &pos, &rcpt))
		field(b, STR("Deliver-To"), rcpt);
	if (o->extra.n > 0)
		buf_str(b, buf_view(&o->extra));
}

/* Bytes of the fields as sent: each NUL is CRLF there. */
static size_t
head_size(struct str fields)
{
	size_t n = fields.n;

	for (size_t i = 0; i < fields.n; i++)
		n += fields.p[i] == '\0';
	return n;
}

int
request_fields(struct buf *b, const struct session *s,
    const struct request_about *about, const struct request_options *o,
    size_t *left_out)
{
	size_t start = b->n, pos = 0, used, skipped = 0;
	const struct envelope *env = &s->env;
	struct str rcpt;

	client_fields(b, s);
	option_fields(b, s, about, o);
	if (env->mail_from != NULL && env->mail_from[0] == '\0')
		field(b, STR("From"), STR("<>"));
	else
		field_in(b, STR("From"), "<", str_c(env->mail_from), ">");
	if (buf_failed(b))
		return -1;
	used = head_size(str_from(buf_view(b), start));
	while (session_rcpt(s, &pos, &rcpt)) {
		size_t need = sizeof("Rcpt: <>\r\n") - 1 + rcpt.n;
		if (need > REQUEST_HEAD_MAX || used > REQUEST_HEAD_MAX - need) {
			skipped++;
			continue;
		}
		used += need;
		field_in(b, STR("Rcpt"), "<", rcpt, ">");
	}
	if (buf_failed(b))
		return -1;
	*left_out = skipped;
	return 0;
}

const char *
request_extra(struct request_options *o, struct str text)
{
	size_t before = o->extra.n;
	struct str name;

	if (!str_cut(&text, '=', &name))
		return "not NAME=VALUE";
	if (!edit_is_name(name))
		return "not a field name";
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (str_ieq(name, str_c(reserved[i])))
			return "a field that the filter sets itself";
	field(&o->extra, name, text);
	if (buf_failed(&o->extra))
		return "too many or too long";
	return o->extra.n > before ? NULL : "empty value";
}
