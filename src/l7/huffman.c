/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/huffman.h"

#include "base/scope.h"

#include <errno.h>

#define EOS 256	/* place of the end-of-string symbol: the last code */

/* Symbols in the order of their codes. The code is canonical: one length's codes are consecutive numbers. */
static const uint8_t symbols[EOS] = {
	48,  49,  50,  97,  99,	 101, 105, 111, 115, 116, 32,  37,  45,	 46,  47,  51,	52,  53,
	54,  55,  56,  57,  61,	 65,  95,  98,	100, 102, 103, 104, 108, 109, 110, 112, 114, 117,
	58,  66,  67,  68,  69,	 70,  71,  72,	73,  74,  75,  76,  77,	 78,  79,  80,	81,  82,
	83,  84,  85,  86,  87,	 89,  106, 107, 113, 118, 119, 120, 121, 122, 38,  42,	44,  59,
	88,  90,  33,  34,  40,	 41,  63,  39,	43,  124, 35,  62,  0,	 36,  64,  91,	93,  126,
	94,  125, 60,  96,  123, 92,  195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161,
	167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154,
	156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232,
	233, 1,	  135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165,
	166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9,	 142, 144, 145, 148, 159,
	171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213,
	218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245,
	246, 247, 248, 250, 251, 252, 253, 254, 2,   3,	  4,   5,   6,	 7,   8,   11,	12,  14,
	15,  16,  17,  18,  19,	 20,  21,  23,	24,  25,  26,  27,  28,	 29,  30,  31,	127, 220,
	249, 10,  13,  22,
};

static const struct {
	uint8_t bits;
	uint16_t at;	/* of the first code in symbols[] */
	uint32_t first, end;	/* codes of this length: end is the first that is longer */
} lengths[] = {
	{ 5, 0, 0x0, 0xa },
	{ 6, 10, 0x14, 0x2e },
	{ 7, 36, 0x5c, 0x7c },
	{ 8, 68, 0xf8, 0xfe },
	{ 10, 74, 0x3f8, 0x3fd },
	{ 11, 79, 0x7fa, 0x7fd },
	{ 12, 82, 0xffa, 0xffc },
	{ 13, 84, 0x1ff8, 0x1ffe },
	{ 14, 90, 0x3ffc, 0x3ffe },
	{ 15, 92, 0x7ffc, 0x7fff },
	{ 19, 95, 0x7fff0, 0x7fff3 },
	{ 20, 98, 0xfffe6, 0xfffee },
	{ 21, 106, 0x1fffdc, 0x1fffe9 },
	{ 22, 119, 0x3fffd2, 0x3fffec },
	{ 23, 145, 0x7fffd8, 0x7ffff5 },
	{ 24, 174, 0xffffea, 0xfffff6 },
	{ 25, 186, 0x1ffffec, 0x1fffff0 },
	{ 26, 190, 0x3ffffe0, 0x3ffffef },
	{ 27, 205, 0x7ffffde, 0x7fffff1 },
	{ 28, 224, 0xfffffe2, 0xfffffff },
	{ 30, 253, 0x3ffffffc, 0x40000000 },
};

/* The code at the top of @bits (left-aligned). Its place among all codes; *ret_n bits long. */
static uint32_t next_code(uint32_t bits, unsigned *ret_n)
{
	size_t i = 0;
	uint32_t code;

	while (i + 1 < ARRAY_SIZE(lengths) && bits >> (32 - lengths[i].bits) >= lengths[i].end)
		i++;
	code = bits >> (32 - lengths[i].bits);
	*ret_n = lengths[i].bits;
	return lengths[i].at + code - lengths[i].first;
}

/* What is left over is shorter than a byte, and the beginning of the end-of-string symbol: ones. */
static bool is_padding(uint64_t bits, unsigned n)
{
	return n < 8 && bits >> (64 - 8) >> (8 - n) == (1u << n) - 1;
}

ssize_t xc_huffman_decode(struct xc_span in, uint8_t *out, size_t size)
{
	uint64_t bits = 0;	/* left-aligned */
	unsigned n_bits = 0, n;
	size_t len = 0;

	for (;;) {
		uint32_t at;

		while (n_bits <= 56 && in.len) {
			bits |= (uint64_t)in.p[0] << (56 - n_bits);
			n_bits += 8;
			in = xc_span_from(in, 1);
		}
		at = next_code((uint32_t)(bits >> 32), &n);
		if (n > n_bits)
			return is_padding(bits, n_bits) ? (ssize_t)len : -EBADMSG;
		if (at >= EOS)
			return -EBADMSG;
		if (len < size)
			out[len] = symbols[at];
		len++;
		bits <<= n;
		n_bits -= n;
	}
}
