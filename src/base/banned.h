/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are easy to get wrong, turned into compile errors. The build includes this
 * file before every C file of user space. Say what you need with the call in the comment.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define XC_BANNED(func) use_of_##func##_is_banned__see_base_banned_h

/* No bound: snprintf, memcpy with a known size, or a xc_buf. */
#undef strcpy
#define strcpy(...) XC_BANNED(strcpy)
#undef stpcpy
#define stpcpy(...) XC_BANNED(stpcpy)
#undef strcat
#define strcat(...) XC_BANNED(strcat)
#undef sprintf
#define sprintf(...) XC_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) XC_BANNED(vsprintf)

/* A bound, but no NUL when it is reached: snprintf. */
#undef strncpy
#define strncpy(...) XC_BANNED(strncpy)
#undef strncat
#define strncat(...) XC_BANNED(strncat)

/* Hidden state: strtok_r, localtime_r, gmtime_r, strftime. */
#undef strtok
#define strtok(...) XC_BANNED(strtok)
#undef localtime
#define localtime(...) XC_BANNED(localtime)
#undef gmtime
#define gmtime(...) XC_BANNED(gmtime)
#undef ctime
#define ctime(...) XC_BANNED(ctime)
#undef ctime_r
#define ctime_r(...) XC_BANNED(ctime_r)
#undef asctime
#define asctime(...) XC_BANNED(asctime)

/* No way to see a bad number: strtoul and its errors. */
#undef atoi
#define atoi(...) XC_BANNED(atoi)
#undef atol
#define atol(...) XC_BANNED(atol)
#undef atoll
#define atoll(...) XC_BANNED(atoll)
#undef atof
#define atof(...) XC_BANNED(atof)

/* A shell where an argument vector would do, a name where a descriptor would: posix_spawn, mkstemp. */
#undef system
#define system(...) XC_BANNED(system)
#undef popen
#define popen(...) XC_BANNED(popen)
#undef mktemp
#define mktemp(...) XC_BANNED(mktemp)
#undef tmpnam
#define tmpnam(...) XC_BANNED(tmpnam)

/* Unbounded stack. */
#undef alloca
#define alloca(...) XC_BANNED(alloca)

/* Waiting is for an event with a limit: poll. */
#undef sleep
#define sleep(...) XC_BANNED(sleep)
#undef usleep
#define usleep(...) XC_BANNED(usleep)
