/* SPDX-License-Identifier: Apache-2.0 */
#include "base/word.h"

#include <stdint.h>
#include <string.h>

size_t xc_word_distance(const char *a, const char *b)
{
	size_t row[XC_WORD_MAX + 1], n = strlen(b);

	if (n > XC_WORD_MAX || strlen(a) > XC_WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; *a; i++, a++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t change = diagonal + (*a != b[j - 1]);
			size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = change < step ? change : step;
		}
	}
	return row[n];
}
