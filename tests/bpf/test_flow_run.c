/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One algorithm, two machines: every packet goes through the program in the kernel
 * (BPF_PROG_TEST_RUN) and through the same headers compiled here, and after each of them the flow
 * must be the same, byte for byte. Packets: made here, bent at random, and those of the captures
 * in the directory named on the command line (skipped when it is not there), as they are and as
 * IPv6. TAP; needs root.
 *
 * test_flow_run FLOW.bpf.o [DIRECTORY]
 */
#include "abi/flow_update.h"
#include "base/index.h"
#include "base/scope.h"
#include "flow/hist.h"
#include "probe/cfg.h"
#include "probe/flow.h"
#include "source/capture.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define WINDOW_NS 1000000000ull	/* short: most captures go through several */
#define MAX_FLOWS 8192
#define ETH 14
#define FRAME_MAX 1514		/* what the kernel takes for a test is less than a page */
#define N_BENT 20000
#define N_BUCKETS 4096
#define N_FRAGMENTED 1024

/* User space's half: a table that never forgets. */
struct table {
	struct xc_index index;
	uint32_t n;
	struct xc_flow_key key[MAX_FLOWS];
	struct xc_flow flow[MAX_FLOWS];
	uint32_t n_in_bucket[N_BUCKETS];
	uint32_t n_fragmented;
	struct {
		struct xc_fragment_key key;
		uint16_t port_he[2];
	} fragmented[N_FRAGMENTED];
};

struct run {
	struct bpf_object *obj;
	int prog_fd, flows_fd, latency_fd[2];
	struct table *table;
	uint64_t n_packets, n_taken, n_ip6;
	int n_tests, n_bad;
	char why[256];		/* the first difference */
};

/* One packet, before either half has seen it. */
struct frame {
	uint8_t bytes[FRAME_MAX];
	uint32_t n;		/* bytes there */
	uint32_t at;		/* of the IP header */
	uint32_t wire_bytes;	/* from the IP header on */
	uint64_t ts_ns;
	uint32_t gso_segs, gso_size;
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static void report(struct run *r, bool is_ok, const char *name, const char *more)
{
	r->n_tests++;
	r->n_bad += !is_ok;
	(void)printf("%s %d - %s%s%s\n", is_ok ? "ok" : "not ok", r->n_tests, name,
		     *more ? " # " : "", more);
	(void)fflush(stdout);
}

/* ---- the kernel's half ------------------------------------------------------------------------ */

static struct xc_probe_cfg *cfg_of(const struct bpf_object *obj)
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *sec = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	struct bpf_map *map;
	size_t size = 0;
	char *data = NULL;

	bpf_object__for_each_map(map, obj)
		if (strstr(bpf_map__name(map), ".rodata"))
			data = (char *)bpf_map__initial_value(map, &size);
	for (int i = 0; data && sec && i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *v = &btf_var_secinfos(sec)[i];
		const struct btf_type *t = btf__type_by_id(btf, v->type);

		if (!strcmp(btf__name_by_offset(btf, t->name_off), "cfg") &&
		    v->size == sizeof(struct xc_probe_cfg))
			return (struct xc_probe_cfg *)(data + v->offset);
	}
	return NULL;
}

/* @name: flow_in, or its twin for older kernels */
static int load(struct run *r, const char *path, const char *name)
{
	struct xc_probe_cfg *cfg;
	struct bpf_program *prog;

	r->obj = bpf_object__open_file(path, NULL);
	if (libbpf_get_error(r->obj)) {
		r->obj = NULL;
		return -ENOENT;
	}
	cfg = cfg_of(r->obj);
	if (!cfg)
		return -EINVAL;
	cfg->window_ns = WINDOW_NS;
	cfg->has_time_in_skb = 1;
	bpf_object__for_each_program(prog, r->obj)
		(void)bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), name));
	if (bpf_object__load(r->obj))
		return -errno;
	r->prog_fd = bpf_program__fd(bpf_object__find_program_by_name(r->obj, name));
	r->flows_fd = bpf_object__find_map_fd_by_name(r->obj, "xc_flows");
	r->latency_fd[0] = bpf_object__find_map_fd_by_name(r->obj, "xc_latency0");
	r->latency_fd[1] = bpf_object__find_map_fd_by_name(r->obj, "xc_latency1");
	return 0;
}

static int run_kernel(const struct run *r, const struct frame *f)
{
	struct __sk_buff ctx = { .tstamp = f->ts_ns,
				 .wire_len = f->wire_bytes + f->at,
				 .gso_segs = f->gso_segs,
				 .gso_size = f->gso_size };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = f->n,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (ctx.wire_len < f->n)
		ctx.wire_len = f->n;
	return bpf_prog_test_run_opts(r->prog_fd, &opts);
}

/* ---- user space's half ------------------------------------------------------------------------- */

static uint32_t find(const struct table *t, const struct xc_flow_key *key)
{
	uint32_t i = xc_index_first(&t->index, xc_hash(key, sizeof(*key)));

	while (i != XC_INDEX_END && memcmp(&t->key[i], key, sizeof(*key)))
		i = xc_index_next(&t->index, i);
	return i;
}

static void join_fragments(struct table *t, struct xc_flow_packet *k)
{
	struct xc_fragment_key key;

	xc_fragment_key_of(k, &key);
	for (uint32_t i = 0; i < t->n_fragmented; i++) {
		if (memcmp(&t->fragmented[i].key, &key, sizeof(key)))
			continue;
		if (k->flags & XC_PACKET_FIRST_FRAGMENT)
			memcpy(t->fragmented[i].port_he, k->ends.port_he, 4);
		else
			memcpy(k->ends.port_he, t->fragmented[i].port_he, 4);
		return;
	}
	if (k->flags & XC_PACKET_FIRST_FRAGMENT && t->n_fragmented < N_FRAGMENTED) {
		t->fragmented[t->n_fragmented].key = key;
		memcpy(t->fragmented[t->n_fragmented++].port_he, k->ends.port_he, 4);
	}
}

/* Return: slot of the flow, XC_INDEX_END = no packet of a flow. */
static uint32_t run_here(struct table *t, const struct frame *f)
{
	uint8_t bytes[FRAME_MAX + XC_FLOW_SLACK] = { 0 };
	struct xc_flow_bytes b = { .data = bytes, .n = f->n > f->at ? f->n - f->at : 0 };
	struct xc_flow_key key;
	struct xc_flow_packet k;
	uint64_t sample;
	uint32_t i;

	memcpy(bytes, f->bytes + f->at, b.n);
	if (!b.n || xc_flow_parse(&b, 0, f->wire_bytes, &k))
		return XC_INDEX_END;
	xc_flow_segments(&k, f->gso_segs, f->gso_size);
	if (k.flags & (XC_PACKET_FRAGMENT | XC_PACKET_FIRST_FRAGMENT))
		join_fragments(t, &k);
	k.ts_ns = f->ts_ns;
	k.source = xc_flow_key_of(&k.ends, &key);
	i = find(t, &key);
	if (i == XC_INDEX_END) {
		if (t->n == MAX_FLOWS)
			return XC_INDEX_END;
		i = t->n++;
		t->key[i] = key;
		xc_index_add(&t->index, xc_hash(&key, sizeof(key)), i);
	}
	sample = xc_flow_update(&t->flow[i], &k, WINDOW_NS);
	if (sample)
		t->n_in_bucket[xc_hist_bucket(sample)]++;
	if (k.flags & XC_PACKET_QUOTES) {
		uint32_t quoted;

		(void)xc_flow_key_of(&k.quoted, &key);
		quoted = find(t, &key);
		if (quoted != XC_INDEX_END)
			xc_flow_error(&t->flow[quoted], k.ts_ns, WINDOW_NS);
	}
	return i;
}

/* ---- the comparison ------------------------------------------------------------------------------ */

static bool differs(struct run *r, uint32_t i)
{
	const uint8_t *mine = (const uint8_t *)&r->table->flow[i];
	struct xc_flow_entry e;
	uint8_t *theirs = (uint8_t *)&e.flow;

	if (bpf_map_lookup_elem(r->flows_fd, &r->table->key[i], &e)) {
		(void)snprintf(r->why, sizeof(r->why), "packet %llu: the kernel has no such flow",
			       (unsigned long long)r->n_packets);
		return true;
	}
	e.flow.hook[0] = e.flow.hook[1] = 0;
	for (size_t at = 0; at < sizeof(e.flow); at++) {
		if (mine[at] == theirs[at])
			continue;
		(void)snprintf(r->why, sizeof(r->why),
			       "packet %llu: byte %zu of struct xc_flow is %u, in the kernel %u",
			       (unsigned long long)r->n_packets, at, mine[at], theirs[at]);
		return true;
	}
	return false;
}

static bool is_equal(struct run *r, const struct frame *f)
{
	uint32_t i;
	int err;

	r->n_packets++;
	err = run_kernel(r, f);
	if (err) {
		(void)snprintf(r->why, sizeof(r->why), "packet %llu: %s",
			       (unsigned long long)r->n_packets, strerror(-err));
		return false;
	}
	i = run_here(r->table, f);
	if (i == XC_INDEX_END)
		return true;
	r->n_taken++;
	r->n_ip6 += f->bytes[f->at] >> 4 == 6;
	return !differs(r, i);
}

static void drain(int fd, uint32_t n_in_bucket[N_BUCKETS])
{
	struct xc_latency_row row;
	struct xc_latency_key key;

	while (!bpf_map_get_next_key(fd, NULL, &key)) {
		if (!bpf_map_lookup_elem(fd, &key, &row))
			for (uint32_t i = 0; i < XC_LATENCY_ROW; i++)
				n_in_bucket[(key.row * XC_LATENCY_ROW + i) % N_BUCKETS] += row.n[i];
		(void)bpf_map_delete_elem(fd, &key);
	}
}

/* Everything once more at the end (ICMP errors touch other flows), and nothing that only one half has. */
static bool ends_equal(struct run *r)
{
	static uint32_t n_in_bucket[N_BUCKETS];
	struct xc_flow_key key;
	uint32_t n = 0;
	bool is_ok = true;

	memset(n_in_bucket, 0, sizeof(n_in_bucket));
	for (uint32_t i = 0; i < r->table->n && is_ok; i++)
		is_ok = !differs(r, i);
	for (; !bpf_map_get_next_key(r->flows_fd, NULL, &key); n++)
		(void)bpf_map_delete_elem(r->flows_fd, &key);
	drain(r->latency_fd[0], n_in_bucket);
	drain(r->latency_fd[1], n_in_bucket);
	if (is_ok && n != r->table->n) {
		(void)snprintf(r->why, sizeof(r->why), "%u flows, in the kernel %u", r->table->n,
			       n);
		is_ok = false;
	}
	if (is_ok && memcmp(n_in_bucket, r->table->n_in_bucket, sizeof(n_in_bucket))) {
		(void)snprintf(r->why, sizeof(r->why), "the latency histograms are not the same");
		is_ok = false;
	}
	return is_ok;
}

static void begin(struct run *r)
{
	struct table *t = r->table;

	xc_index_done(&t->index);
	memset(t, 0, sizeof(*t));
	r->n_packets = r->n_taken = r->n_ip6 = 0;
	r->why[0] = '\0';
	if (xc_index_init(&t->index, MAX_FLOWS))
		abort();
}

static void end(struct run *r, const char *name, bool is_ok)
{
	char more[320];

	is_ok = ends_equal(r) && is_ok;
	(void)snprintf(more, sizeof(more), "%llu packets, %llu of flows, %llu IPv6, %u flows%s%s",
		       (unsigned long long)r->n_packets, (unsigned long long)r->n_taken,
		       (unsigned long long)r->n_ip6, r->table->n, is_ok ? "" : ": ", r->why);
	report(r, is_ok, name, more);
}

/* ---- packets made here --------------------------------------------------------------------------- */

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* Ethernet with @n_tags VLAN tags. */
static void start_frame(struct frame *f, bool is_ip6, int n_tags)
{
	uint64_t ts_ns = f->ts_ns;

	memset(f, 0, sizeof(*f));
	f->ts_ns = ts_ns;
	f->at = ETH + 4 * (uint32_t)n_tags;
	for (int i = 0; i < n_tags; i++) {
		put16(f->bytes + 12 + 4 * i, i + 1 < n_tags ? 0x88a8 : 0x8100);
		put16(f->bytes + 14 + 4 * i, 100);
	}
	put16(f->bytes + f->at - 2, is_ip6 ? 0x86dd : 0x0800);
	f->n = f->at;
}

/* The IP header for @payload bytes of @proto, from host 1 to host 2 or back. */
static uint8_t *put_ip(struct frame *f, bool is_ip6, uint8_t proto, uint32_t payload, bool is_back)
{
	uint8_t *p = f->bytes + f->at;
	uint32_t header = is_ip6 ? 40 : 20;

	if (is_ip6) {
		p[0] = 0x60;
		put16(p + 4, payload);
		p[6] = proto;
		p[7] = 64;
		p[8] = p[24] = 0xfd;
		p[23] = is_back ? 2 : 1;
		p[39] = is_back ? 1 : 2;
	} else {
		p[0] = 0x45;
		put16(p + 2, payload + header);
		p[8] = 64;
		p[9] = proto;
		put32(p + 12, 0x0a000001u + is_back);
		put32(p + 16, 0x0a000002u - is_back);
	}
	f->n = f->at + header + payload;
	f->wire_bytes = header + payload;
	return p + header;
}

static uint64_t dice(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A TCP segment of a connection that loses, repeats, shuts its window and wraps around. */
static void make_tcp(struct frame *f, uint8_t *p, uint64_t *state, uint32_t payload, bool is_back)
{
	static const uint8_t flags[] = { 0x10, 0x10, 0x10, 0x18, 0x18, 0x02, 0x12, 0x11, 0x14 };
	uint64_t d = dice(state);

	(void)f;
	put16(p, is_back ? 80 : 40000 + d % 3);
	put16(p + 2, is_back ? 40000 + d % 3 : 80);
	put32(p + 4, 0xfffff000u + (uint32_t)(d >> 8) % 64 * 100);
	put32(p + 8, 0xfffff000u + (uint32_t)(d >> 16) % 64 * 100);
	p[12] = payload >= 40 ? 0xa0 : 0x50;
	p[13] = flags[(d >> 24) % sizeof(flags)];
	put16(p + 14, (d >> 32) % 5 ? 1000 * (uint32_t)((d >> 40) % 8) : 0);
	if (p[12] == 0xa0) {	/* MSS, NOP, window scale */
		put32(p + 20, 0x020405b4);
		put32(p + 24, 0x01030300u | (uint32_t)((d >> 48) % 16));
	}
}

static void make_icmp(uint8_t *p, uint64_t *state, bool is_ip6)
{
	static const uint8_t types[] = { 0, 8, 3, 11, 5, 13 };
	static const uint8_t types6[] = { 128, 129, 1, 2, 3, 135 };
	uint64_t d = dice(state);

	p[0] = (is_ip6 ? types6 : types)[d % sizeof(types)];
	put16(p + 4, (uint32_t)(d >> 8) % 3);
	/* what an error quotes: our own UDP and TCP packets */
	if (is_ip6) {
		struct frame quoted = { .at = 0 };

		(void)put_ip(&quoted, true, d & 1 ? 6 : 17, 20, false);
		memcpy(p + 8, quoted.bytes, 40);
		p += 40;
	} else {
		struct frame quoted = { .at = 0 };

		(void)put_ip(&quoted, false, d & 1 ? 6 : 17, 20, false);
		memcpy(p + 8, quoted.bytes, 20);
		p += 20;
	}
	put16(p + 8, 40000);
	put16(p + 10, 80);
}

/* Any packet; @state decides. */
static void make_frame(struct frame *f, uint64_t *state)
{
	static const uint8_t protos[] = { 6, 6, 6, 6, 17, 17, 1, 132, 47 };
	uint64_t d = dice(state);
	bool is_ip6 = d & 1, is_back = d & 2;
	uint8_t proto = protos[(d >> 8) % sizeof(protos)], *p;
	uint32_t payload = 60 + (uint32_t)(d >> 16) % 400;

	start_frame(f, is_ip6, (d >> 32) % 3);
	if (proto == 1 && is_ip6)
		proto = 58;
	p = put_ip(f, is_ip6, proto, payload, is_back);
	if (proto == 6) {
		make_tcp(f, p, state, payload, is_back);
	} else if (proto == 1 || proto == 58) {
		make_icmp(p, state, is_ip6);
	} else {
		put16(p, is_back ? 80 : 40000);
		put16(p + 2, is_back ? 40000 : 80);
	}
	if (!is_ip6 && !((d >> 40) % 8)) {	/* fragments: the first, or a later one */
		put16(f->bytes + f->at + 4, (uint32_t)(d >> 48) % 16);
		put16(f->bytes + f->at + 6, (d >> 44) & 1 ? 0x2000 : 0x0040);
	}
	if (proto == 6 && !((d >> 52) % 8)) {
		f->gso_size = 100;
		f->gso_segs = 2 + (uint32_t)(d >> 56) % 8;
	}
}

/* Bytes changed, bytes missing, time that goes back. */
static void bend(struct frame *f, uint64_t *state)
{
	uint64_t d = dice(state);
	uint32_t headers = f->n - f->at < 100 ? f->n - f->at : 100;

	f->ts_ns += d % 64 ? d % 30000000 : 0;
	if (!((d >> 32) % 64) && f->ts_ns > WINDOW_NS)
		f->ts_ns -= 5000000;
	for (uint64_t i = (d >> 40) % 4; i > 1; i--)
		f->bytes[f->at + dice(state) % headers] = (uint8_t)dice(state);
	if (!((d >> 48) % 16))	/* the kernel wants an IP header at least */
		f->n = f->at + 40 + (uint32_t)(d >> 52) % (f->n - f->at - 40);
	/* the link header says which version it is; the kernel's parser looks at both */
	put16(f->bytes + f->at - 2, f->bytes[f->at] >> 4 == 6 ? 0x86dd : 0x0800);
}

static void test_made(struct run *r)
{
	struct frame f = { .ts_ns = 1700000000ull * 1000000000 };
	uint64_t state = 1;
	bool is_ok = true;

	begin(r);
	for (int i = 0; i < N_BENT && is_ok; i++) {
		make_frame(&f, &state);
		bend(&f, &state);
		is_ok = is_equal(r, &f);
	}
	end(r, "packets made here", is_ok);
}

/* Extension headers (RFC 8200 4.1): hop-by-hop, routing, destination options, fragment, in this order. */
static void test_extensions(struct run *r)
{
	static const uint8_t kinds[] = { 0, 43, 60, 44 };
	bool is_ok = true;

	begin(r);
	for (uint32_t picked = 0; picked < 16 && is_ok; picked++) {
		struct frame f = { .ts_ns = 1700000000ull * 1000000000 + picked };
		uint8_t *next, *p;

		start_frame(&f, true, 0);
		p = put_ip(&f, true, 17, 200, false);
		next = f.bytes + f.at + 6;
		for (uint32_t i = 0; i < 4; i++) {
			if (!(picked >> i & 1))
				continue;
			*next = kinds[i];
			next = p;
			p[1] = kinds[i] == 44 || i ? 0 : 1;
			p += 8 + p[1] * 8;
		}
		*next = 17;
		put16(p, 40000);
		put16(p + 2, 53);
		is_ok = is_equal(r, &f);
	}
	end(r, "IPv6 extension headers", is_ok);
}

/* ---- captures ------------------------------------------------------------------------------------ */

/* As IPv6: the addresses become the last bytes of ones below fd00::/8, the rest stays. */
static bool to_ip6(struct frame *f)
{
	uint8_t old[FRAME_MAX];
	const uint8_t *ip = old + f->at;
	uint32_t header, total;

	memcpy(old, f->bytes, f->n);
	header = (ip[0] & 15) * 4;
	total = (uint32_t)ip[2] << 8 | ip[3];
	if (ip[0] >> 4 != 4 || header < 20 || f->n < f->at + header || total < header ||
	    (ip[6] & 0x3f) || ip[7] || f->n - header + 40 > FRAME_MAX)
		return false;
	memset(f->bytes + f->at, 0, 40);
	f->bytes[f->at] = 0x60;
	put16(f->bytes + f->at + 4, total - header);
	f->bytes[f->at + 6] = ip[9] == 1 ? 58 : ip[9];
	f->bytes[f->at + 7] = ip[8];
	f->bytes[f->at + 8] = f->bytes[f->at + 24] = 0xfd;
	memcpy(f->bytes + f->at + 20, ip + 12, 4);
	memcpy(f->bytes + f->at + 36, ip + 16, 4);
	memcpy(f->bytes + f->at + 40, ip + header, f->n - f->at - header);
	put16(f->bytes + f->at - 2, 0x86dd);
	f->n += 40 - header;
	f->wire_bytes += 40 - header;
	return true;
}

static bool run_capture(struct run *r, const char *path, bool is_ip6)
{
	struct xc_capture *c = NULL;
	struct xc_flow_packet k;
	struct xc_flow_bytes b;
	bool is_ok = true;

	if (xc_capture_open(path, &c))
		return false;
	while (is_ok && xc_capture_next(c, &k, &b) == 1) {
		struct frame f = { .ts_ns = k.ts_ns };

		start_frame(&f, b.data[0] >> 4 == 6, 0);
		f.n = b.n < 1000 ? f.at + b.n : f.at + 1000;
		f.wire_bytes = k.bytes > b.n ? k.bytes : b.n;
		memcpy(f.bytes + f.at, b.data, f.n - f.at);
		if (!is_ip6 || to_ip6(&f))
			is_ok = is_equal(r, &f);
	}
	xc_capture_close(c);
	return is_ok;
}

static void test_capture(struct run *r, const char *directory, const char *name)
{
	char path[1024], as6[300];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)snprintf(as6, sizeof(as6), "%s as IPv6", name);
	begin(r);
	end(r, name, run_capture(r, path, false));
	begin(r);
	end(r, as6, run_capture(r, path, true));
}

static int is_capture(const struct dirent *e)
{
	return strstr(e->d_name, ".pcap") != NULL;
}

static void test_captures(struct run *r, const char *directory)
{
	struct dirent **names = NULL;
	int n = directory ? scandir(directory, &names, is_capture, alphasort) : 0;

	if (n <= 0)
		report(r, true, "captures", "SKIP the shared captures are not here");
	for (int i = 0; i < n; i++) {
		test_capture(r, directory, names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	static const char *const programs[] = { "flow_in", "flow_in_old" };
	struct run r = { 0 };
	int err;

	if (geteuid() || argc < 2) {
		puts("1..0 # SKIP needs root and a program");
		return 0;
	}
	(void)libbpf_set_print(quiet);
	r.table = calloc(1, sizeof(*r.table));
	if (!r.table)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		err = load(&r, argv[1], programs[i]);
		report(&r, !err, programs[i], err ? strerror(-err) : "");
		if (!err) {
			test_made(&r);
			test_extensions(&r);
			test_captures(&r, argc > 2 ? argv[2] : NULL);
		}
		bpf_object__close(r.obj);
	}
	(void)printf("1..%d\n", r.n_tests);
	xc_index_done(&r.table->index);
	free(r.table);
	return r.n_bad > 0;
}
