/* SPDX-License-Identifier: Apache-2.0 */
/* Time of day from the time of records. */
#pragma once

#include <stdint.h>
#include <time.h>

/** @ns and what to add to it: seconds since 1970 and nanoseconds 0..999999999, whatever a damaged recording says. */
static inline struct timespec xc_wall_time(uint64_t ns, int64_t offset_ns)
{
	int64_t t = (int64_t)(ns + (uint64_t)offset_ns);
	int64_t sec = t / 1000000000, rest = t % 1000000000;

	if (rest < 0) {
		sec--;
		rest += 1000000000;
	}
	return (struct timespec){ .tv_sec = (time_t)sec, .tv_nsec = (long)rest };
}
