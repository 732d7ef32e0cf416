/*
 * Words of command lines: URLs, networks, request headers, sizes.  What is
 * taken is what the next reader (libcurl, inet_pton, HTTP) gets.
 */
#include <curl/curl.h>

#include "common/base/network.h"
#include "common/dkim/sig.h"
#include "common/engine/option.h"
#include "filter-dkimsign/keytable.h"
#include "filter-rspamd/request.h"
#include "filter-rspamd/target.h"
#include "tests/fuzz/fuzz.h"

/* libcurl reads the host and port that we do. */
static void
check_url(const struct target *t)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL;
	uint64_t n;

	MUST(u != NULL);
	if (curl_url_set(u, CURLUPART_URL, t->url, 0) == CURLUE_OK) {
		MUST(curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK);
		MUST(curl_url_get(u, CURLUPART_PORT, &port,
			 CURLU_DEFAULT_PORT) == CURLUE_OK);
		MUST(str_u64(str_c(port), 65535, &n) == 0 && n == t->port);
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
}

static void
check_target(struct str text)
{
	struct target t;
	const char *why = target_parse(text, &t);

	if (why != NULL) {
		MUST(why[0] != '\0');
		return;
	}
	MUST(t.url != NULL && t.name != NULL);
	MUST((t.unix_path == NULL) == (t.port != 0));
	if (t.unix_path == NULL)
		check_url(&t);
	target_clear(&t);
}

static void
check_network(struct str text)
{
	struct network net;
	struct str address;

	if (network_parse(text, &net) == -1)
		return;
	MUST(net.bits <= 128);
	(void)str_cut(&text, '/', &address);
	MUST(network_any(&net, 1, address));
}

/* A field that goes into the request is one line with a name. */
static void
check_extra(struct str text)
{
	struct request_options o = { .extra = { .max = REQUEST_EXTRA_MAX } };
	struct str rest, field, name;

	if (request_extra(&o, text) == NULL) {
		rest = buf_view(&o.extra);
		MUST(str_cut(&rest, '\0', &field) && rest.n == 0);
		MUST(str_cut(&field, ':', &name) && name.n > 0);
		MUST(!str_has(field, '\n') && !str_has(field, '\r'));
	}
	buf_clear(&o.extra);
}

static void
check_words(const char *arg)
{
	enum canon header, body;
	uint64_t v;

	if (option_number(arg, 10, 1000, &v) == 0)
		MUST(v >= 10 && v <= 1000);
	if (option_size(arg, 4096, UINT64_C(1) << 44, &v) == 0)
		MUST(v >= 4096 && v <= UINT64_C(1) << 44);
	(void)sig_canon(str_c(arg), &header, &body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_text(data, n);
	char *arg = str_dup(text);

	MUST(arg != NULL);
	check_target(text);
	check_network(text);
	check_extra(text);
	check_words(arg);
	free(arg);
	return 0;
}
