#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/base/buf.h"
#include "common/base/network.h"
#include "filter-rspamd/target.h"

#define ENDPOINT STR("/checkv2")

static const char *
unix_target(struct str path, struct target *t)
{
	const struct sockaddr_un *un = NULL;

	if (path.n >= sizeof(un->sun_path))
		return "socket path too long";
	t->url = str_dup(STR("http://localhost/checkv2"));
	t->unix_path = str_dup(path);
	t->name = str_dup(path);
	return t->url != NULL && t->unix_path != NULL && t->name != NULL
	    ? NULL
	    : "no memory";
}

static bool
is_host_char(char c, bool bracket)
{
	if (is_digit(c) || is_alpha(c) || c == '.')
		return true;
	return bracket ? c == ':' || c == '%' : c == '-' || c == '_';
}

/* HOST, HOST:PORT or [ADDRESS]:PORT of a URL (RFC 3986 section 3.2). */
static const char *
read_authority(struct str a, struct target *t)
{
	struct str none = t->port == 80 ? STR("80") : STR("443");
	bool bracket = a.n > 0 && a.p[0] == '[';
	struct network address;
	struct str host;
	uint64_t port;

	if (str_has(a, '@'))
		return "user name in URL";
	if (bracket) {
		a = str_from(a, 1);
		if (!str_cut(&a, ']', &host) || (a.n > 0 && a.p[0] != ':'))
			return "bad address in URL";
		if (a.n > 0)
			a = str_from(a, 1);
		else
			a = none;
	} else if (!str_cut(&a, ':', &host)) {
		a = none;
	}
	if (host.n == 0)
		return "no host in URL";
	for (size_t i = 0; i < host.n; i++)
		if (!is_host_char(host.p[i], bracket))
			return "bad host in URL";
	if (str_u64(a, 65535, &port) == -1 || port == 0)
		return "bad port in URL";
	t->port = (unsigned)port;
	t->named = !bracket && network_parse(host, &address) == -1;
	return NULL;
}

/* The URL with its path made to end in the endpoint; NULL without memory. */
static char *
complete(struct str before_path, struct str path, struct str query)
{
	struct buf b;
	char *url = NULL;

	buf_init(&b, TARGET_TEXT_MAX * 2);
	buf_str(&b, before_path);
	if (!str_iends(path, ENDPOINT)) {
		while (path.n > 0 && path.p[path.n - 1] == '/')
			path.n--;
		buf_str(&b, path);
		path = ENDPOINT;
	}
	buf_str(&b, path);
	buf_str(&b, query);
	if (!buf_failed(&b))
		url = str_dup(buf_view(&b));
	buf_clear(&b);
	return url;
}

static const char *
url_target(struct str url, bool https, struct target *t)
{
	struct str rest = str_from(url, https ? 8 : 7), authority, path;
	const char *why;
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	authority = str_head(rest, n);
	rest = str_from(rest, n);
	for (n = 0; n < rest.n && rest.p[n] != '?';)
		n++;
	path = str_head(rest, n);
	rest = str_from(rest, n);
	t->https = https;
	t->port = https ? 443 : 80;
	why = read_authority(authority, t);
	if (why != NULL)
		return why;
	url.n = (size_t)(authority.p + authority.n - url.p);
	t->url = complete(url, path, rest);
	t->name = str_dup(https ? url : authority);
	return t->url != NULL && t->name != NULL ? NULL : "no memory";
}

const char *
target_parse(struct str text, struct target *out)
{
	struct target t = { .port = 0 };
	const char *why;

	if (text.n > TARGET_TEXT_MAX)
		why = "too long";
	else if (str_printable(text, '!') < text.n || str_has(text, '#'))
		why = "blank, control character or # in URL";
	else if (str_starts(text, STR("/")))
		why = unix_target(text, &t);
	else if (str_istarts(text, STR("unix:/")))
		why = unix_target(str_from(text, 5), &t);
	else if (str_istarts(text, STR("http://")))
		why = url_target(text, false, &t);
	else if (str_istarts(text, STR("https://")))
		why = url_target(text, true, &t);
	else
		why = "must begin with http://, https://, unix:/ or /";
	if (why != NULL)
		target_clear(&t);
	else
		*out = t;
	return why;
}

void
target_clear(struct target *t)
{
	free(t->url);
	free(t->unix_path);
	free(t->name);
	*t = (struct target){ .port = 0 };
}
