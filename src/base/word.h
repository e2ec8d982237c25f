/* SPDX-License-Identifier: Apache-2.0 */
/* How far apart two words are: to ask "did you mean ...?" */
#pragma once

#include <stddef.h>

#define XC_WORD_MAX 48	/* letters; longer words are as far as can be */

/** Levenshtein distance of two words; SIZE_MAX when one is too long. Pure. */
size_t xc_word_distance(const char *a, const char *b);
