/* SPDX-License-Identifier: Apache-2.0 */
#include "source/loads.h"

#include "base/scope.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* PERF_RECORD_BPF_EVENT (perf_event_open(2)) */
struct load_record {
	struct perf_event_header header;
	uint16_t type;
	uint16_t flags;
	uint32_t id;
};

struct ring {
	int fd;
	struct perf_event_mmap_page *page;	/* and one of records */
};

struct xc_loads {
	enum bpf_prog_type type;
	const char *ours;
	int epoll_fd;
	long page_bytes;
	size_t n;
	struct ring rings[];
};

void xc_loads_close(struct xc_loads *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		(void)munmap(l->rings[i].page, 2 * (size_t)l->page_bytes);
		(void)close(l->rings[i].fd);
	}
	if (l->epoll_fd >= 0)
		(void)close(l->epoll_fd);
	free(l);
}

XC_DEFINE_FREEP(struct xc_loads, xc_loads_close)

/* 0, -ENODEV (the CPU is off) or another -errno. */
static int open_ring(struct xc_loads *l, int cpu)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_DUMMY,
					.bpf_event = 1,
					.watermark = 1,
					.wakeup_watermark = 1 };
	_cleanup_close_ int fd =
		(int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN };
	void *page;

	if (fd < 0)
		return -errno;
	page = mmap(NULL, 2 * (size_t)l->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev)) {
		(void)munmap(page, 2 * (size_t)l->page_bytes);
		return -errno;
	}
	l->rings[l->n++] = (struct ring){ .fd = TAKE_FD(fd), .page = page };
	return 0;
}

int xc_loads_open(enum bpf_prog_type type, const char *ours, struct xc_loads **ret_loads)
{
	int n_cpus = libbpf_num_possible_cpus();
	_cleanup_(xc_loads_closep) struct xc_loads *l = NULL;
	int r = 0;

	if (n_cpus <= 0)
		return n_cpus;
	l = calloc(1, sizeof(*l) + (size_t)n_cpus * sizeof(l->rings[0]));
	if (!l)
		return -ENOMEM;
	l->type = type;
	l->ours = ours;
	l->page_bytes = sysconf(_SC_PAGESIZE);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -errno;
	for (int cpu = 0; cpu < n_cpus && (!r || r == -ENODEV); cpu++)
		r = open_ring(l, cpu);
	if (r && r != -ENODEV)
		return r;
	*ret_loads = TAKE_PTR(l);
	return 0;
}

/* True as well when it may not be looked at. */
static bool is_one(const struct xc_loads *l, uint32_t id)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	if (fd < 0)
		return fd != -ENOENT;	/* it is gone */
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return true;
	return info.type == l->type && strncmp(info.name, l->ours, strlen(l->ours)) != 0;
}

bool xc_loads_is_there(const struct xc_loads *l)
{
	uint32_t id = 0;
	int r;

	while (!(r = bpf_prog_get_next_id(id, &id)))
		if (is_one(l, id))
			return true;
	return r != -ENOENT;
}

static bool read_record(const struct xc_loads *l, const struct load_record *e)
{
	if (e->header.type == PERF_RECORD_LOST)
		return true;
	return e->header.type == PERF_RECORD_BPF_EVENT && e->type == PERF_BPF_EVENT_PROG_LOAD &&
	       is_one(l, e->id);
}

static bool read_ring(const struct xc_loads *l, const struct ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	const uint8_t *data = (const uint8_t *)ring->page + l->page_bytes;
	uint64_t at = ring->page->data_tail, mask = (uint64_t)l->page_bytes - 1;
	bool is_found = false;

	while (at < head) {
		struct load_record e;

		/* records are whole words, and so is the room: the first two of one may be at both ends of it */
		for (size_t i = 0; i < sizeof(e); i += 8)
			memcpy((uint8_t *)&e + i, data + ((at + i) & mask), 8);
		if (e.header.size < sizeof(e.header))
			return true;
		is_found = is_found || read_record(l, &e);
		at += e.header.size;
	}
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
	return is_found;
}

int xc_loads_fd(const struct xc_loads *l)
{
	return l->epoll_fd;
}

bool xc_loads_read(struct xc_loads *l)
{
	bool is_found = false;

	for (size_t i = 0; i < l->n; i++)
		is_found |= read_ring(l, &l->rings[i]);
	return is_found;
}
