#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/dkim/record.h"
#include "filter-dkimsign/tools.h"

enum {
	ENTRY_MAX = 4 * RECORD_MAX, /* bytes of a zone file entry */
	FILE_NAME_MAX = 1024
};

/* Prints the zone file entry of a key. */
static int
print_entry(const char *selector, const char *domain, const struct key *key)
{
	struct buf text, entry;
	int r = -1;

	buf_init(&text, RECORD_MAX);
	buf_init(&entry, ENTRY_MAX);
	record_format(key, &text);
	record_format_zone(
	    str_c(selector), str_c(domain), buf_view(&text), &entry);
	if (!buf_failed(&text) && !buf_failed(&entry) &&
	    fwrite(entry.p, 1, entry.n, stdout) == entry.n)
		r = 0;
	buf_clear(&text);
	buf_clear(&entry);
	return r;
}

/* Writes a new file that only its owner can read. */
static int
write_new(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t n = strlen(text), done = 0;
	ssize_t w = 0;
	int error;

	if (fd == -1)
		return -1;
	for (; done < n && w != -1; done += w > 0 ? (size_t)w : 0)
		w = write(fd, text + done, n - done);
	error = w == -1 || fsync(fd) == -1 ? errno : 0;
	if (close(fd) == -1 && error == 0)
		error = errno;
	if (error == 0)
		return 0;
	(void)unlink(path);
	errno = error;
	return -1;
}

/* The exit status after all was printed, or an entry was not. */
static int
end_output(int printed)
{
	if (printed == 0 && fflush(stdout) == 0)
		return STATUS_OK;
	filter_config_error("cannot write the record: %s", strerror(errno));
	return STATUS_BAD;
}

/* All that is wrong with what the key is for. */
static int
check_names(const struct options *o, char domain[SIG_NAME_MAX + 1],
    char selector[SIG_NAME_MAX + 1])
{
	int r = 0;

	if (sig_rooted_domain(str_c(o->domains[0]), domain) == -1) {
		filter_config_error(
		    "-d \"%s\": the domain is no domain name", o->domains[0]);
		r = -1;
	}
	if (sig_domain(str_c(o->selector), selector) == -1) {
		filter_config_error(
		    "-s \"%s\": the selector is no domain name", o->selector);
		r = -1;
	}
	if (o->key != NULL && strcmp(o->key, "-") == 0) {
		filter_config_error("-k \"-\": a key is not for the terminal");
		r = -1;
	}
	return r;
}

int
tools_genkey(const struct options *o)
{
	char domain[SIG_NAME_MAX + 1], selector[SIG_NAME_MAX + 1];
	char path[FILE_NAME_MAX];
	bool ed = o->algorithm != NULL && o->algorithm[0] == 'e';
	struct key *key = NULL;
	char *pem = NULL;
	int status = STATUS_BAD;

	if (check_names(o, domain, selector) == -1)
		return STATUS_BAD;
	(void)snprintf(path, sizeof(path), "%s.%s.key", domain, selector);
	key = key_generate(ed ? KEY_ED25519 : KEY_RSA, (unsigned)o->bits);
	pem = key == NULL ? NULL : key_pem(key);
	if (pem == NULL)
		filter_config_error("cannot make a key");
	else if (write_new(o->key != NULL ? o->key : path, pem) == -1)
		filter_config_error(
		    "%s: %s", o->key != NULL ? o->key : path, strerror(errno));
	else {
		(void)fprintf(stderr, "private key in %s\n",
		    o->key != NULL ? o->key : path);
		status = end_output(print_entry(selector, domain, key));
	}
	key_pem_free(pem);
	key_free(key);
	return status;
}

int
tools_dns(const struct config *c)
{
	const struct keydomain *d = NULL;

	while ((d = keytable_each(c->keys, d)) != NULL) {
		for (size_t i = 0; i < d->n; i++) {
			const struct signer *s = &d->v[i];
			const char *domain = keytable_d(d, s, NULL);
			if (domain == NULL)
				printf("; below each domain that has no key "
				       "of its own:\n");
			if (print_entry(s->selector,
				domain != NULL ? domain : "DOMAIN",
				s->key) == -1)
				return end_output(-1);
		}
	}
	return end_output(0);
}
