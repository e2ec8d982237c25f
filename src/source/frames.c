/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files: a stream that unpacks itself, and libpcap on top of it. */
#include "source/frames.h"

#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <string.h>
#include <zlib.h>

#define CHUNK_BYTES (64 * 1024)		/* asked of the system at a time; fits the second-level cache */
#define SECONDS_MAX (1ull << 33)	/* the year 2242: absurd times stay far from where sums wrap */

struct xc_frames {
	gzFile file;		/* plain bytes go through it without a copy */
	char *path;
	pcap_t *pcap;
	char *buffer;		/* of the stream libpcap reads */
	bool is_cut;
};

/* ---- the stream ----------------------------------------------------------------------------- */

static int say_cut(struct xc_frames *f, const char *why)
{
	f->is_cut = true;
	(void)xc_warn(0, "%s: %s; read up to there", f->path, why);
	return 0;
}

static ssize_t read_stream(void *cookie, char *out, size_t n)
{
	struct xc_frames *f = cookie;
	int got = gzread(f->file, out, (unsigned int)n), error = Z_OK;

	if (got > 0)
		return got;
	(void)gzerror(f->file, &error);
	if (error != Z_OK && error != Z_STREAM_END && !f->is_cut)
		(void)say_cut(f, "the compressed data is cut or damaged, or cannot be read");
	return 0;
}

/* ---- through libpcap ------------------------------------------------------------------------ */

static int open_pcap(struct xc_frames *f)
{
	static const cookie_io_functions_t io = { .read = read_stream };
	_cleanup_fclose_ FILE *file = fopencookie(f, "rb", io);
	char error[PCAP_ERRBUF_SIZE] = "";

	f->buffer = malloc(CHUNK_BYTES);
	if (!file || !f->buffer)
		return -ENOMEM;
	(void)setvbuf(file, f->buffer, _IOFBF, CHUNK_BYTES);
	f->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
	if (!f->pcap) {
		(void)xc_err(0, "%s: %s", f->path, error);
		return -EBADMSG;
	}
	(void)TAKE_PTR(file);	/* libpcap's now */
	return 0;
}

/* libpcap gives nanoseconds where its type says microseconds. */
static uint64_t ns_of(const struct timeval *ts)
{
	uint64_t seconds = ts->tv_sec < 0 ? 0 : (uint64_t)ts->tv_sec;

	return (seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * 1000000000u +
	       (uint64_t)ts->tv_usec;
}

static int open_stream(struct xc_frames *f)
{
	bool is_stdin = !strcmp(f->path, "-");
	_cleanup_close_ int fd = is_stdin ? dup(STDIN_FILENO) : open(f->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return xc_err(-errno, "cannot read %s", f->path);
	f->file = gzdopen(fd, "rb");
	if (!f->file)
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
	if (!r)
		r = open_pcap(f);
	if (r)
		return r;
	*ret_frames = TAKE_PTR(f);
	return 0;
}

int xc_frames_link(const struct xc_frames *f)
{
	return pcap_datalink(f->pcap);
}

int xc_frames_next(struct xc_frames *f, struct xc_frame *ret_frame)
{
	struct pcap_pkthdr *h;
	int status = pcap_next_ex(f->pcap, &h, &ret_frame->data);
	const char *why;

	if (status == 1) {
		ret_frame->ts_ns = ns_of(&h->ts);
		ret_frame->n = h->caplen;
		ret_frame->len = h->len;
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
	free(f->buffer);	/* after the stream that reads into it */
	if (f->file)
		(void)gzclose_r(f->file);
	free(f->path);
	free(f);
}
