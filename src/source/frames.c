/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files: a stream that unpacks itself, and two readers on top of it. */
#include "source/frames.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <string.h>
#include <zlib.h>

#define CHUNK_BYTES (64 * 1024)		/* asked of the system at a time; fits the second-level cache */
#define FRAME_MAX (256 * 1024)		/* libpcap's limit (MAXIMUM_SNAPLEN) */
#define SECONDS_MAX (1ull << 33)	/* the year 2242: absurd times stay far from where sums wrap */
#define FILE_HEADER_BYTES 24
#define FRAME_HEADER_BYTES 16

struct xc_frames {
	gzFile file;		/* plain bytes go through it without a copy */
	char *path;
	uint8_t *buffer;	/* CHUNK_BYTES + the largest frame and its header */
	size_t at, n;		/* what of it was not taken yet */
	pcap_t *pcap;		/* NULL = plain */
	char *pcap_buffer;
	int link;
	bool is_swapped, is_ns;	/* plain: the other byte order; nanoseconds */
	bool is_cut;
};

/* ---- the stream ----------------------------------------------------------------------------- */

static int say_cut(struct xc_frames *f, const char *why)
{
	f->is_cut = true;
	(void)xc_warn(0, "%s: %s; read up to there", f->path, why);
	return 0;
}

/* More bytes into @out. 0 = the end. */
static size_t take(struct xc_frames *f, void *out, size_t n)
{
	int got = gzread(f->file, out, (unsigned int)n), error = Z_OK;

	if (got > 0)
		return (size_t)got;
	(void)gzerror(f->file, &error);
	if (error != Z_OK && error != Z_STREAM_END && !f->is_cut)
		(void)say_cut(f, "the compressed data is cut or damaged, or cannot be read");
	return 0;
}

/* @need bytes (at most a frame with its header) in a row at f->at; false: the file ends before. */
static bool fill(struct xc_frames *f, size_t need)
{
	f->n -= f->at;
	memmove(f->buffer, f->buffer + f->at, f->n);
	f->at = 0;
	while (f->n < need) {
		size_t got = take(f, f->buffer + f->n, CHUNK_BYTES);

		if (!got)
			return false;
		f->n += got;
	}
	return true;
}

static bool has(struct xc_frames *f, size_t need)
{
	return f->n - f->at >= need || fill(f, need);
}

/* ---- plain files ---------------------------------------------------------------------------- */

static uint32_t word(const struct xc_frames *f, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return f->is_swapped ? __builtin_bswap32(v) : v;
}

/* Is it a file of the plain format? Then its header is taken. */
static bool open_plain(struct xc_frames *f)
{
	uint32_t magic, version;

	if (!has(f, FILE_HEADER_BYTES))
		return false;
	magic = word(f, f->buffer);
	f->is_swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	magic = word(f, f->buffer);
	f->is_ns = magic == 0xa1b23c4d;
	version = word(f, f->buffer + 4);
	if ((magic != 0xa1b2c3d4 && !f->is_ns) ||
	    version != (f->is_swapped == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) ? 0x00020004 :
										       0x00040002))
		return false;
	f->link = (int)(word(f, f->buffer + 20) & 0x0fffffff);	/* above: length of the FCS */
	f->at = FILE_HEADER_BYTES;
	return true;
}

static int next_plain(struct xc_frames *f, struct xc_frame *frame)
{
	const uint8_t *p;
	uint32_t fraction;

	if (!has(f, FRAME_HEADER_BYTES))
		return f->n > f->at && !f->is_cut ? say_cut(f, "ends within a frame") : 0;
	p = f->buffer + f->at;
	fraction = word(f, p + 4);
	frame->ts_ns =
		(uint64_t)word(f, p) * 1000000000u + (f->is_ns ? fraction : fraction * 1000ull);
	frame->n = word(f, p + 8);
	frame->len = word(f, p + 12);
	if (frame->n > FRAME_MAX)
		return say_cut(f, "a frame is longer than any can be");
	if (!has(f, FRAME_HEADER_BYTES + frame->n))
		return f->is_cut ? 0 : say_cut(f, "ends within a frame");
	frame->data = f->buffer + f->at + FRAME_HEADER_BYTES;
	f->at += FRAME_HEADER_BYTES + frame->n;
	return 1;
}

/* ---- through libpcap ------------------------------------------------------------------------ */

/* libpcap reads the stream; first what was looked at already. */
static ssize_t read_stream(void *cookie, char *out, size_t n)
{
	struct xc_frames *f = cookie;
	size_t left = f->n - f->at;

	if (!left)
		return (ssize_t)take(f, out, n);
	n = n < left ? n : left;
	memcpy(out, f->buffer + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static int open_pcap(struct xc_frames *f)
{
	static const cookie_io_functions_t io = { .read = read_stream };
	_cleanup_fclose_ FILE *file = fopencookie(f, "rb", io);
	char error[PCAP_ERRBUF_SIZE] = "";

	f->pcap_buffer = malloc(CHUNK_BYTES);
	if (!file || !f->pcap_buffer)
		return -ENOMEM;
	(void)setvbuf(file, f->pcap_buffer, _IOFBF, CHUNK_BYTES);
	f->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
	if (!f->pcap) {
		(void)xc_err(0, "%s: %s", f->path, error);
		return -EBADMSG;
	}
	(void)TAKE_PTR(file);	/* libpcap's now */
	f->link = pcap_datalink(f->pcap);
	return 0;
}

/* libpcap gives nanoseconds where its type says microseconds. */
static uint64_t ns_of(const struct timeval *ts)
{
	uint64_t seconds = ts->tv_sec < 0 ? 0 : (uint64_t)ts->tv_sec;

	return (seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * 1000000000u +
	       (uint64_t)ts->tv_usec;
}

static int next_pcap(struct xc_frames *f, struct xc_frame *frame)
{
	struct pcap_pkthdr *h;
	int status = pcap_next_ex(f->pcap, &h, &frame->data);
	const char *why;

	if (status == 1) {
		frame->ts_ns = ns_of(&h->ts);
		frame->n = h->caplen;
		frame->len = h->len;
		return 1;
	}
	if (status == PCAP_ERROR_BREAK || f->is_cut)
		return 0;
	why = pcap_geterr(f->pcap);
	if (!strstr(why, "of the first interface"))
		return say_cut(f, why);
	/* interfaces of different kinds: libpcap reads them not at all */
	(void)xc_err(0, "%s: %s", f->path, why);
	return -EPROTONOSUPPORT;
}

/* ---- both ----------------------------------------------------------------------------------- */

static int open_stream(struct xc_frames *f)
{
	bool is_stdin = !strcmp(f->path, "-");
	_cleanup_close_ int fd = is_stdin ? dup(STDIN_FILENO) : open(f->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return xc_err(-errno, "cannot read %s", f->path);
	f->buffer = malloc(CHUNK_BYTES + FRAME_MAX + FRAME_HEADER_BYTES);
	f->file = gzdopen(fd, "rb");
	if (!f->buffer || !f->file)
		return -ENOMEM;
	(void)TAKE_FD(fd);
	return 0;
}

XC_DEFINE_FREEP(struct xc_frames, xc_frames_close)

int xc_frames_open(const char *path, struct xc_frames **ret_frames)
{
	_cleanup_(xc_frames_closep) struct xc_frames *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->path = strdup(path);
	if (!f->path)
		return -ENOMEM;
	r = open_stream(f);
	if (!r && !open_plain(f))
		r = open_pcap(f);
	if (r)
		return r;
	*ret_frames = TAKE_PTR(f);
	return 0;
}

int xc_frames_link(const struct xc_frames *f)
{
	return f->link;
}

int xc_frames_next(struct xc_frames *f, struct xc_frame *ret_frame)
{
	return f->pcap ? next_pcap(f, ret_frame) : next_plain(f, ret_frame);
}

bool xc_frames_is_cut(const struct xc_frames *f)
{
	return f->is_cut;
}

void xc_frames_close(struct xc_frames *f)
{
	if (!f)
		return;
	if (f->pcap)
		pcap_close(f->pcap);
	free(f->pcap_buffer);	/* after the stream that reads into it */
	if (f->file)
		(void)gzclose_r(f->file);
	free(f->buffer);
	free(f->path);
	free(f);
}
