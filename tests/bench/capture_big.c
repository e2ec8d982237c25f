/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One large capture out of small ones: capture_big OUT BYTES CAPTURE... They start together and run side by side;
 * silence longer than a second is shortened to one. Copies follow each other in time, each with other addresses (IP
 * header checksums made anew), until the file has the size. Prints packets and bytes. Ethernet only; others are left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE_NS 1000000000ull
#define START_S 1600000000u
#define MAGIC_NS 0xa1b23c4du
#define SNAPLEN 262144u

struct frame {
	uint64_t ns;
	size_t no;	/* in the order they were read */
	uint32_t caplen, len;
	uint8_t *data;
};

static struct frame *frames;
static size_t n_frames, room;

static void *checked(void *p)
{
	if (!p) {
		perror("capture_big");
		exit(1);
	}
	return p;
}

static void keep(uint64_t ns, const struct pcap_pkthdr *h, const uint8_t *data)
{
	if (n_frames == room) {
		room = room ? room * 2 : 1024;
		frames = checked(realloc(frames, room * sizeof(*frames)));
	}
	frames[n_frames] =
		(struct frame){ ns, n_frames, h->caplen, h->len, checked(malloc(h->caplen + 1)) };
	memcpy(frames[n_frames++].data, data, h->caplen);
}

static void load(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *p =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	uint64_t ns = 0, last = 0;
	struct pcap_pkthdr *h;
	const uint8_t *data;

	if (!p)
		return;
	while (pcap_datalink(p) == DLT_EN10MB && pcap_next_ex(p, &h, &data) == 1) {
		uint64_t now = (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec;
		uint64_t gap = last && now > last ? now - last : 0;

		ns += gap < SILENCE_NS ? gap : SILENCE_NS;
		last = now;
		keep(ns, h, data);
	}
	pcap_close(p);
}

static int by_time(const void *a, const void *b)
{
	const struct frame *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	return x->no < y->no ? -1 : 1;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Other addresses for copy @copy: the second byte of IPv4's, the third of IPv6's. */
static void shift(uint8_t *p, uint32_t n, uint32_t copy)
{
	uint32_t sum = 0;

	if (n >= 54 && p[12] == 0x86 && p[13] == 0xdd) {
		p[14 + 10] = (uint8_t)(p[14 + 10] + copy);
		p[14 + 26] = (uint8_t)(p[14 + 26] + copy);
	}
	if (n < 34 || p[12] != 8 || p[13] || p[14] != 0x45)
		return;
	p += 14;
	p[13] = (uint8_t)(p[13] + copy);
	p[17] = (uint8_t)(p[17] + copy);
	put16(p + 10, 0);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(p + 10, ~(sum + (sum >> 16)) & 0xffff);
}

static uint64_t put_copy(FILE *f, uint32_t copy, uint64_t start_ns)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < n_frames; i++) {
		const struct frame *x = &frames[i];
		uint64_t ns = start_ns + x->ns;
		uint32_t head[4] = { START_S + (uint32_t)(ns / 1000000000u),
				     (uint32_t)(ns % 1000000000u), x->caplen, x->len };

		if (copy)
			shift(x->data, x->caplen, 1);	/* once more than the copy before */
		(void)fwrite(head, sizeof(head), 1, f);
		(void)fwrite(x->data, x->caplen, 1, f);
		bytes += sizeof(head) + x->caplen;
	}
	return bytes;
}

int main(int argc, char **argv)
{
	uint32_t head[6] = { MAGIC_NS, 2 | 4 << 16, 0, 0, SNAPLEN, DLT_EN10MB };
	uint64_t bytes = sizeof(head), wanted = argc > 2 ? strtoull(argv[2], NULL, 10) : 0,
		 start_ns = 0;
	uint32_t copy;
	FILE *f;

	if (argc < 4)
		return 2;
	for (int i = 3; i < argc; i++)
		load(argv[i]);
	if (!n_frames)
		return 1;
	qsort(frames, n_frames, sizeof(*frames), by_time);
	f = checked(fopen(argv[1], "wb"));
	(void)fwrite(head, sizeof(head), 1, f);
	for (copy = 0; bytes < wanted; copy++) {
		bytes += put_copy(f, copy, start_ns);
		start_ns += frames[n_frames - 1].ns + SILENCE_NS;
	}
	if (fclose(f)) {
		perror(argv[1]);
		return 1;
	}
	(void)printf("{\"packets\": %zu, \"bytes\": %" PRIu64
		     ", \"copies\": %u, \"seconds\": %" PRIu64 "}\n",
		     n_frames * copy, bytes, copy, start_ns / 1000000000u);
	return 0;
}
