/* SPDX-License-Identifier: Apache-2.0 */
/* Without libFuzzer a fuzz target replays its corpus: every file of the directories named. */
#include "base/scope.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SAMPLE_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int replay(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ uint8_t *data = malloc(SAMPLE_MAX), *exact = NULL;
	size_t len;

	if (!f || !data)
		return -1;
	len = fread(data, 1, SAMPLE_MAX, f);
	exact = malloc(len ? len :
			     1); /* exactly as long, so that a sanitizer sees one byte too many */
	if (!exact || ferror(f))
		return -1;
	memcpy(exact, data, len);
	(void)LLVMFuzzerTestOneInput(exact, len);
	return 0;
}

static int replay_dir(const char *dir, size_t *n)
{
	DIR *d = opendir(dir);
	char path[4096];
	int bad = 0;

	if (!d)
		return -1;
	for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		bad |= replay(path);
		*n += 1;
	}
	(void)closedir(d);
	return bad;
}

int main(int argc, char **argv)
{
	size_t n = 0;

	for (int i = 1; i < argc; i++)
		if (replay_dir(argv[i], &n))
			(void)fprintf(stderr, "%s: cannot be read\n", argv[i]);
	(void)printf("%zu samples\n", n);
	return n ? 0 : 1;	/* a corpus that is gone is a failure */
}
