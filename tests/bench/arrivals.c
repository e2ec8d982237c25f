/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How old events are when they come out of a pipe: `observe -o json` on stdin. Of every answer, the time of its line's
 * last byte here less the event's timestamp, which is that of the answer's last packet in the kernel (microseconds, cut off:
 * the age is at most one too much). Prints percentiles as one line of JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AGES_MAX (1u << 22)
#define DAY_NS 86400000000000ll
#define STAMP "\"timestamp\":\""
#define ANSWER "\"event_type\":\"http_response\""

static char buf[1 << 20];
static int64_t ages[AGES_MAX];
static size_t n_ages;

/* Since the beginning of the UTC day. */
static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (t.tv_sec % 86400) * 1000000000ll + t.tv_nsec;
}

/* "YYYY-MM-DDThh:mm:ss.uuuuuuZ" in the same way. */
static int64_t stamp_ns(const char *p)
{
	unsigned int h, m, s, us;

	if (sscanf(p + sizeof("YYYY-MM-DD"), "%2u:%2u:%2u.%6u", &h, &m, &s, &us) != 4)
		exit(1);
	return (h * 3600ll + m * 60 + s) * 1000000000ll + us * 1000ll;
}

static void take_line(char *line, int64_t now)
{
	const char *stamp = strstr(line, STAMP);
	int64_t age;

	if (!stamp || !strstr(line, ANSWER) || n_ages == AGES_MAX)
		return;
	age = now - stamp_ns(stamp + strlen(STAMP));
	ages[n_ages++] = age < -DAY_NS / 2 ? age + DAY_NS : age;
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double us_at(double share)
{
	return (double)ages[(size_t)((double)(n_ages - 1) * share)] / 1000;
}

int main(void)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf + len, sizeof(buf) - len - 1)) > 0) {
		int64_t now = now_ns();
		char *line = buf, *end;

		len += (size_t)n;
		buf[len] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			take_line(line, now);
		}
		len -= (size_t)(line - buf);
		memmove(buf, line, len);
	}
	if (!n_ages)
		return 1;
	qsort(ages, n_ages, sizeof(*ages), by_size);
	(void)printf(
		"{\"answers\": %zu, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
		n_ages, us_at(0.5), us_at(0.9), us_at(0.99), us_at(0.999), us_at(1));
	return 0;
}
