/*
 * Runs scripts through the filter it is linked with, in several ways; prints
 * TAP.  usage: golden-NAME SCRIPT...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/golden/golden.h"
#include "tests/golden/run.h"

enum {
	FAULTS_MAX = 2000, /* allocations of a script that are made to fail */
	CUTS_MAX = 1500
};

static struct script script;
static const char *title;
static unsigned failed;

static void
report(const char *what, unsigned runs, const char *why)
{
	printf("%s - %s %s: %s (%u runs)\n", why[0] == '\0' ? "ok" : "not ok",
	    golden.name, title, what, runs);
	if (why[0] != '\0')
		printf("# %s\n", why);
	(void)fflush(stdout);
	failed += why[0] != '\0';
}

/* One run, in a process of its own if the filter needs that. */
static int
run_one(const struct filter *f, const struct run_plan *plan, char *why,
    uint64_t *count)
{
	int status, fds[2];
	ssize_t n;
	pid_t pid;

	if (!golden.forks)
		return run_script(
		    f, script.nargs, script.args, &script, plan, why, count);
	(void)fflush(stdout);
	if (pipe(fds) == -1 || (pid = fork()) == -1)
		return -1;
	if (pid == 0) {
		(void)close(fds[0]);
		(void)run_script(
		    f, script.nargs, script.args, &script, plan, why, count);
		n = write(fds[1], why, RUN_WHY_MAX);
		n += write(fds[1], count, sizeof(*count));
		script_clear(&script);
		exit(n == RUN_WHY_MAX + (ssize_t)sizeof(*count) ? 0 : 1);
	}
	(void)close(fds[1]);
	n = read(fds[0], why, RUN_WHY_MAX);
	if (n == RUN_WHY_MAX)
		n += read(fds[0], count, sizeof(*count));
	(void)close(fds[0]);
	if (waitpid(pid, &status, 0) == -1 || status != 0 ||
	    n != RUN_WHY_MAX + (ssize_t)sizeof(*count))
		(void)snprintf(why, RUN_WHY_MAX, "it died: status %d", status);
	return why[0] == '\0' ? 0 : -1;
}

static void
run_whole(const struct filter *f, uint64_t *count)
{
	static const struct {
		enum run_mode mode;
		const char *name;
	} modes[] = {
		{ RUN_BATCH, "lines together" },
		{ RUN_BYTES, "byte by byte" },
		{ RUN_TRICKLE, "slow reader" },
		{ RUN_LINES, "line by line" },
	};
	char why[RUN_WHY_MAX];

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct run_plan plan = { .mode = modes[i].mode,
			.steps = script.n };
		(void)run_one(f, &plan, why, count);
		report(modes[i].name, 1, why);
	}
}

static void
run_cuts(const struct filter *f)
{
	struct run_plan plan = { .mode = RUN_CUT };
	char why[RUN_WHY_MAX] = "", at[64];
	unsigned runs = 0;
	uint64_t count;
	size_t step = script.n / CUTS_MAX + 1;

	for (plan.steps = 0; plan.steps < script.n; plan.steps += step) {
		runs++;
		if (run_one(f, &plan, why, &count) == -1)
			break;
	}
	if (why[0] != '\0') {
		(void)snprintf(
		    at, sizeof(at), " (after %zu steps)", plan.steps);
		strncat(why, at, sizeof(why) - strlen(why) - 1);
	}
	report("cut short", runs, why);
}

static void
run_faults(const struct filter *f, uint64_t count, bool more)
{
	struct run_plan plan = {
		.mode = RUN_FAULT, .steps = script.n, .more = more
	};
	char why[RUN_WHY_MAX] = "", at[64];
	uint64_t got, step = count / FAULTS_MAX + 1;
	unsigned runs = 0;

	for (plan.fail = 0; plan.fail < count; plan.fail += step) {
		runs++;
		if (run_one(f, &plan, why, &got) == -1)
			break;
	}
	if (why[0] != '\0') {
		(void)snprintf(at, sizeof(at), " (allocation %llu fails)",
		    (unsigned long long)plan.fail);
		strncat(why, at, sizeof(why) - strlen(why) - 1);
	}
	report(more ? "no memory from then on" : "no memory once", runs, why);
}

/* Stands in for that of common/engine/main.c. */
int
filter_main(const struct filter *f, int argc, char **argv)
{
	uint64_t count = 0;

	(void)argc;
	(void)argv;
	run_whole(f, &count);
	if (script.once)
		return 0;
	run_cuts(f);
	run_faults(f, count, false);
	run_faults(f, count, true);
	return 0;
}

static void
run_file(const char *path)
{
	const char *name = strrchr(path, '/');

	title = name == NULL ? path : name + 1;
	if (script_read(&script, path) == -1) {
		report("read", 1, "not a script");
		return;
	}
	(void)filter_entry(script.nargs, script.args);
	script_clear(&script);
}

/* A script that ends its process does not end the others. */
int
main(int argc, char **argv)
{
	int status, bad = 0;
	pid_t pid;

	for (int i = 1; i < argc; i++) {
		(void)fflush(stdout);
		pid = fork();
		if (pid == 0) {
			run_file(argv[i]);
			exit(failed > 0);
		}
		if (pid == -1 || waitpid(pid, &status, 0) == -1)
			return 1;
		if (WIFSIGNALED(status) ||
		    (WIFEXITED(status) && WEXITSTATUS(status) > 1))
			printf("not ok - %s %s: died, status %d\n", golden.name,
			    argv[i], status);
		bad |= status != 0;
	}
	return bad;
}
