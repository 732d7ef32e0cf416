#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/network.h"
#include "common/engine/cli.h"
#include "common/engine/option.h"

enum {
	OPT_FIRST = 256, /* common options; the filter's follow */
	OPT_OWN = 512,
	HELP_COLUMN = 32, /* where the text of --help begins */
	ERROR_MAX = 2000 /* bytes of an error, which may hold an argument */
};

#define MIB ((uint64_t)1024 * 1024)

static const char *program = "filter";

static const struct filter_opt common[] = {
	{ "check", 0, "FILE", "run one message (- is stdin) through it" },
	{ "deadline", 0, "SECONDS", "answer each message by then (60)" },
	{ "from", 0, "ADDRESS", "sender for --check" },
	{ "helo", 0, "NAME", "HELO name for --check" },
	{ "help", 0, NULL, "show this" },
	{ "ip", 'i', "ADDRESS", "client address for --check" },
	{ "long-lines", 0, "split|reject", "lines smtpd cannot take (split)" },
	{ "memory", 0, "BYTES", "memory for all messages (64M)" },
	{ "no-sandbox", 0, NULL, "for debugging only" },
	{ "quiet", 'q', NULL, "log warnings only" },
	{ "rcpt", 0, "ADDRESS", "a recipient for --check" },
	{ "spool-dir", 0, "DIR", "where large messages go (/tmp)" },
	{ "spool-size", 0, "BYTES", "largest message in memory (256K)" },
	{ "test-config", 'n', NULL, "check the configuration and exit" },
	{ "user", 0, "NAME", "authenticated user for --check" },
	{ "verbose", 'v', NULL, "log more" },
	{ "version", 'V', NULL, "show the version" },
	{ NULL, 0, NULL, NULL },
};

/* Text from outside may stand in it: no terminal shall obey that. */
void
filter_config_error(const char *fmt, ...)
{
	char text[ERROR_MAX], shown[ERROR_MAX * 4];
	struct buf b = buf_over(shown, sizeof(shown));
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			buf_fmt(&b, "\\x%02x", (unsigned char)*p);
		else
			buf_chr(&b, *p);
	(void)fprintf(stderr, "%s: %.*s\n", program, (int)b.n, b.p);
}

static const char *
set_limit(const char *name, const char *arg, struct cli *c)
{
	uint64_t v;

	if (strcmp(name, "deadline") == 0) {
		if (option_number(arg, 1, 280, &v) == -1)
			return "not a number of seconds from 1 to 280";
		c->deadline_s = (unsigned)v;
	} else if (strcmp(name, "memory") == 0) {
		if (option_size(arg, MIB, MIB << 24, &v) == -1)
			return "not a size from 1M on, as 64M or 1G";
		c->pool.budget = (size_t)v;
	} else if (strcmp(name, "spool-size") == 0) {
		if (option_size(arg, 4096, MIB << 20, &v) == -1)
			return "not a size from 4K on, as 256K or 1M";
		c->pool.spill = (size_t)v;
	} else if (strcmp(arg, "reject") == 0 || strcmp(arg, "split") == 0) {
		c->reject_long = arg[0] == 'r';
	} else {
		return "neither split nor reject";
	}
	return NULL;
}

static bool
is_address(const char *arg)
{
	struct network n;

	return strchr(arg, '/') == NULL && network_parse(str_c(arg), &n) == 0;
}

/* A folder that files can be made in?  If not, errno says why. */
static bool
is_spool(const char *arg)
{
	struct stat st;

	if (stat(arg, &st) == -1)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) && access(arg, W_OK | X_OK) == 0;
}

static const char *
set_check(const char *name, const char *arg, struct cli *c)
{
	if (strcmp(name, "check") == 0)
		c->check.file = arg;
	else if (strcmp(name, "from") == 0)
		c->check.from = arg;
	else if (strcmp(name, "helo") == 0)
		c->check.helo = arg;
	else if (strcmp(name, "ip") == 0 && !is_address(arg))
		return "not an address";
	else if (strcmp(name, "ip") == 0)
		c->check.ip = arg;
	else if (strcmp(name, "user") == 0)
		c->check.user = arg;
	else if (strcmp(name, "spool-dir") == 0 && !is_spool(arg))
		return strerror(errno);
	else if (strcmp(name, "spool-dir") == 0)
		c->pool.dir = arg;
	else if (c->check.nrcpts == CLI_RCPTS_MAX)
		return "too many of them";
	else
		c->rcpts[c->check.nrcpts++] = arg;
	return NULL;
}

static void
set_flag(const char *name, struct cli *c)
{
	c->help = c->help || strcmp(name, "help") == 0;
	c->version = c->version || strcmp(name, "version") == 0;
	c->quiet = c->quiet || strcmp(name, "quiet") == 0;
	c->only_check = c->only_check || strcmp(name, "test-config") == 0;
	c->verbose += strcmp(name, "verbose") == 0;
	c->sandbox = c->sandbox && strcmp(name, "no-sandbox") != 0;
}

static const char *
set_common(const struct filter_opt *o, const char *arg, struct cli *c)
{
	static const char *const limits[] = { "deadline", "memory",
		"spool-size", "long-lines", NULL };

	if (arg == NULL) {
		set_flag(o->name, c);
		return NULL;
	}
	if (option_word(o->name, limits) != -1)
		return set_limit(o->name, arg, c);
	return set_check(o->name, arg, c);
}

/* Adds a table to what getopt_long wants. */
static void
add_options(const struct filter_opt *o, int first, struct option *longs,
    size_t *nlongs, struct buf *letters)
{
	for (int i = 0; o != NULL && o[i].name != NULL; i++) {
		int arg = o[i].arg != NULL ? required_argument : no_argument;
		if (o[i].name[0] != '\0' && *nlongs < CLI_OPTIONS_MAX - 1)
			longs[(*nlongs)++] =
			    (struct option){ o[i].name, arg, NULL, first + i };
		if (o[i].letter == 0)
			continue;
		buf_chr(letters, o[i].letter);
		if (o[i].arg != NULL)
			buf_chr(letters, ':');
	}
}

/* The index in a table of what getopt_long returned, or -1. */
static int
find_option(const struct filter_opt *o, int first, int got)
{
	for (int i = 0; o != NULL && o[i].name != NULL; i++)
		if (got == first + i || (got < OPT_FIRST && got == o[i].letter))
			return i;
	return -1;
}

static void
option_name(const struct filter_opt *o, char *out, size_t n)
{
	if (o->name[0] != '\0')
		(void)snprintf(out, n, "--%s", o->name);
	else
		(void)snprintf(out, n, "-%c", o->letter);
}

static unsigned
set_option(const struct filter *f, int got, const char *arg, struct cli *c)
{
	int own = find_option(f->opts, OPT_OWN, got);
	const struct filter_opt *o;
	const char *why;
	char name[64];

	if (own != -1) {
		o = &f->opts[own];
		why = f->option((size_t)own, arg);
	} else {
		o = &common[find_option(common, OPT_FIRST, got)];
		why = set_common(o, arg, c);
	}
	if (why == NULL)
		return 0;
	option_name(o, name, sizeof(name));
	if (arg == NULL)
		filter_config_error("%s: %s", name, why);
	else
		filter_config_error("%s \"%s\": %s", name, arg, why);
	return 1;
}

static unsigned
bad_option(int got, char **argv)
{
	const char *what = argv[optind - 1];

	if (optopt > 0 && optopt < OPT_FIRST)
		filter_config_error("option \"-%c\" %s", optopt,
		    got == ':' ? "needs an argument"
			       : "is not known, see --help");
	else
		filter_config_error("option \"%s\" %s", what,
		    got == ':'        ? "needs an argument"
			: optopt != 0 ? "takes no argument"
				      : "is not known, see --help");
	return 1;
}

static bool
is_for_check(const struct cli *c)
{
	const struct check *k = &c->check;

	return k->from != NULL || k->helo != NULL || k->ip != NULL ||
	    k->user != NULL || k->nrcpts > 0;
}

unsigned
cli_parse(const struct filter *f, int argc, char **argv, struct cli *c)
{
	struct option longs[CLI_OPTIONS_MAX] = { 0 };
	struct buf letters;
	size_t nlongs = 0;
	unsigned bad = 0;
	const char *why;
	int got;

	program = f->name;
	*c = (struct cli){ .deadline_s = FILTER_DEADLINE_S,
		.sandbox = true,
		.pool = { .dir = "/tmp",
		    .spill = STORE_SPILL,
		    .budget = STORE_BUDGET } };
	c->check.rcpts = c->rcpts;
	buf_init(&letters, 256);
	buf_chr(&letters, ':');
	add_options(f->opts, OPT_OWN, longs, &nlongs, &letters);
	add_options(common, OPT_FIRST, longs, &nlongs, &letters);
	buf_chr(&letters, '\0');
	if (buf_failed(&letters)) {
		filter_config_error("no memory to start");
		return 1;
	}
	opterr = 0;
	optind = 1;
	for (;;) {
		got = f->one_dash
		    ? getopt_long_only(argc, argv, letters.p, longs, NULL)
		    : getopt_long(argc, argv, letters.p, longs, NULL);
		if (got == -1)
			break;
		bad += got == '?' || got == ':' ? bad_option(got, argv)
						: set_option(f, got, optarg, c);
	}
	if (c->check.file == NULL && is_for_check(c))
		filter_config_error("--from, --helo, --ip, --rcpt and --user "
				    "do nothing without --check");
	for (; optind < argc; optind++) {
		why = f->operand == NULL ? "no operand is expected"
					 : f->operand(argv[optind]);
		if (why != NULL) {
			filter_config_error("\"%s\": %s", argv[optind], why);
			bad++;
		}
	}
	buf_clear(&letters);
	return bad;
}

static void
help_table(const struct filter_opt *o)
{
	char left[64];

	for (; o != NULL && o->name != NULL; o++) {
		(void)snprintf(left, sizeof(left), "%c%c%s%s%s%s%s",
		    o->letter != 0 ? '-' : ' ',
		    o->letter != 0 ? o->letter : ' ',
		    o->letter != 0 && o->name[0] != '\0' ? "," : " ",
		    o->name[0] != '\0' ? "--" : "", o->name,
		    o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
		printf("  %-*s", HELP_COLUMN, left);
		if (strlen(left) >= HELP_COLUMN)
			printf("\n  %*s", HELP_COLUMN, "");
		printf("%s\n", o->help);
	}
}

void
cli_help(const struct filter *f)
{
	printf("usage: %s [options]%s%s\n\n", f->name,
	    f->args != NULL ? " " : "", f->args != NULL ? f->args : "");
	help_table(f->opts);
	printf("\nCommon to all filters:\n");
	help_table(common);
}
