/* Gives a target the files it is named, or all of the folders. */
#include <dirent.h>
#include <stdio.h>

#include "tests/fuzz/fuzz.h"

static unsigned files;

static void
run_file(const char *path)
{
	FILE *fp = fopen(path, "r");
	uint8_t *data;
	long n;

	if (fp == NULL)
		return;
	if (fseek(fp, 0, SEEK_END) == 0 && (n = ftell(fp)) >= 0 &&
	    fseek(fp, 0, SEEK_SET) == 0 &&
	    (data = malloc((size_t)n + 1)) != NULL) {
		size_t got = fread(data, 1, (size_t)n, fp);
		(void)LLVMFuzzerTestOneInput(data, got);
		free(data);
		files++;
	}
	(void)fclose(fp);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		DIR *dir = argv[i][0] == '-' ? NULL : opendir(argv[i]);
		struct dirent *de;
		char path[4096];

		while (dir != NULL && (de = readdir(dir)) != NULL) {
			(void)snprintf(
			    path, sizeof(path), "%s/%s", argv[i], de->d_name);
			if (de->d_name[0] != '.')
				run_file(path);
		}
		if (dir != NULL)
			(void)closedir(dir);
		else if (argv[i][0] != '-')
			run_file(argv[i]);
	}
	fprintf(stderr, "%u files\n", files);
	return files == 0;
}
