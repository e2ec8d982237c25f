/* SPDX-License-Identifier: Apache-2.0 */
#include "source/flowmap.h"

#include "abi/flow_update.h"
#include "base/index.h"
#include "base/scope.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#define BATCH 256
#define BLOCK 256			/* flows allocated at once */
#define HALF_OPEN_NS 60000000000ull	/* FEATURES half_open_connections: a SYN of the last 60 s */

/* One flow of the window, and what its xc_flow_seen points to. */
struct held {
	struct xc_flow_key key;
	struct xc_flow flow;
	struct xc_flow_kernel kernel;
	struct xc_hist latency;
	uint64_t id;
};

struct sample {
	uint64_t id;
	struct xc_hist_bucket bucket;
};

/* A flow that may make room. */
struct idle {
	uint64_t last_ns;
	struct xc_flow_key key;
	bool is_closed;
};

/* Growing arrays; room only ever grows, up to what the kernel's tables hold. */
struct truths {
	struct xc_flow_key *key;
	struct xc_truth *truth;
	bool *is_used;
	size_t n, room;
	struct xc_index index;
};

struct xc_flowmap {
	struct xc_flowmap_cfg cfg;
	struct xc_flowmap_stats stats;
	struct xc_flow_key keys[BATCH];
	struct xc_flow_entry entries[BATCH];
	struct held **block;
	size_t n_blocks, n_held;
	struct xc_flow_seen *seen;
	size_t n_seen, seen_room;
	struct sample *samples;
	struct xc_hist_bucket *buckets;	/* of the samples, in their order */
	size_t n_samples, samples_room;
	struct truths truths;
	struct idle *gone, *idle;	/* to be removed; that could be */
	size_t n_gone, gone_room, n_idle, idle_room;
	uint64_t no, start_ns, end_ns;	/* of the window that is read */
};

/* ---- arrays ------------------------------------------------------------------------------------- */

/* Room for one more element of @size in *@p. */
static int make_room(void *p, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 256;
	void *new;

	if (n < *room)
		return 0;
	new = reallocarray(*(void **)p, more, size);
	if (!new)
		return -ENOMEM;
	*(void **)p = new;
	*room = more;
	return 0;
}

static struct held *held_at(const struct xc_flowmap *m, size_t i)
{
	return &m->block[i / BLOCK][i % BLOCK];
}

static int add_block(struct xc_flowmap *m)
{
	struct held **blocks = reallocarray(m->block, m->n_blocks + 1, sizeof(*blocks));

	if (!blocks)
		return -ENOMEM;
	m->block = blocks;
	blocks[m->n_blocks] = calloc(BLOCK, sizeof(**blocks));
	if (!blocks[m->n_blocks])
		return -ENOMEM;
	m->n_blocks++;
	return 0;
}

static int hold(struct xc_flowmap *m, const struct xc_flow_key *key, struct held **ret_held)
{
	struct held *h;
	int r = m->n_held == m->n_blocks * BLOCK ? add_block(m) : 0;

	if (!r)
		r = make_room(&m->seen, m->n_seen, &m->seen_room, sizeof(*m->seen));
	if (r)
		return r;
	h = held_at(m, m->n_held++);
	memset(h, 0, sizeof(*h));
	h->key = *key;
	*ret_held = h;
	return 0;
}

/* ---- maps in batches ---------------------------------------------------------------------------- */

/* A walk over a map; 1 = there is a batch of @n, 0 = the end, or -errno. */
struct walk {
	int fd;
	bool with_delete, has_begun, is_over;
	uint64_t position;	/* as wide as the kernel may want it */
	uint32_t n;
};

static int next_batch(struct walk *w, void *keys, void *values)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	void *from = w->has_begun ? &w->position : NULL;
	int r;

	if (w->is_over)
		return 0;
	w->n = BATCH;
	if (w->with_delete)
		r = bpf_map_lookup_and_delete_batch(w->fd, from, &w->position, keys, values, &w->n,
						    &opts);
	else
		r = bpf_map_lookup_batch(w->fd, from, &w->position, keys, values, &w->n, &opts);
	if (r && r != -ENOENT)
		return r;
	w->is_over = r == -ENOENT;
	w->has_begun = true;
	return w->n ? 1 : 0;
}

/* ---- latencies ---------------------------------------------------------------------------------- */

static int by_id_and_bucket(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (int)x->bucket.no - (int)y->bucket.no;
}

static int add_samples(struct xc_flowmap *m, const struct xc_latency_key *key,
		       const struct xc_latency_row *row)
{
	for (uint32_t i = 0; i < XC_LATENCY_ROW; i++) {
		int r;

		if (!row->n[i])
			continue;
		if (key->window != (uint32_t)m->no) {
			m->stats.n_late_latencies += row->n[i];
			continue;
		}
		r = make_room(&m->samples, m->n_samples, &m->samples_room, sizeof(*m->samples));
		if (r)
			return r;
		m->samples[m->n_samples++] = (struct sample){
			.id = key->id,
			.bucket = { .no = (uint16_t)(key->row * XC_LATENCY_ROW + i),
				    .n = row->n[i] },
		};
	}
	return 0;
}

/* Takes them out of the kernel: samples of the next window are in the other map. */
static int read_latencies(struct xc_flowmap *m)
{
	struct walk w = { .fd = m->cfg.latency_fd[m->no & 1], .with_delete = true };
	struct xc_latency_key keys[BATCH];
	struct xc_latency_row rows[BATCH];
	int r;

	m->n_samples = 0;
	while ((r = next_batch(&w, keys, rows)) > 0)
		for (uint32_t i = 0; i < w.n && r >= 0; i++)
			r = add_samples(m, &keys[i], &rows[i]);
	if (r < 0)
		return r;
	if (m->n_samples)
		qsort(m->samples, m->n_samples, sizeof(*m->samples), by_id_and_bucket);
	free(m->buckets);
	m->buckets = calloc(m->n_samples + 1, sizeof(*m->buckets));
	if (!m->buckets)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_samples; i++)
		m->buckets[i] = m->samples[i].bucket;
	return 0;
}

/* First sample of flow @id, or one past where it would be. */
static size_t find_samples(const struct xc_flowmap *m, uint64_t id)
{
	size_t from = 0, to = m->n_samples;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (m->samples[middle].id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static const struct xc_hist *latency_of(const struct xc_flowmap *m, struct held *h)
{
	size_t i = find_samples(m, h->id);

	h->latency.bucket = m->buckets + i;
	for (; i < m->n_samples && m->samples[i].id == h->id; i++) {
		h->latency.n += m->samples[i].bucket.n;
		h->latency.n_buckets++;
	}
	return h->latency.n ? &h->latency : NULL;
}

/* ---- what the kernel knows ------------------------------------------------------------------------ */

static int reserve_truths(struct truths *t)
{
	size_t more = t->room ? t->room * 2 : 1024;
	struct xc_flow_key *key = reallocarray(t->key, more, sizeof(*key));
	struct xc_truth *truth;
	bool *is_used;

	if (!key)
		return -ENOMEM;
	t->key = key;
	truth = reallocarray(t->truth, more, sizeof(*truth));
	if (!truth)
		return -ENOMEM;
	t->truth = truth;
	is_used = reallocarray(t->is_used, more, sizeof(*is_used));
	if (!is_used)
		return -ENOMEM;
	t->is_used = is_used;
	t->room = more;
	return 0;
}

static int add_truths(struct truths *t, const struct xc_flow_key *keys,
		      const struct xc_truth *values, uint32_t n)
{
	while (t->n + n > t->room) {
		int r = reserve_truths(t);

		if (r)
			return r;
	}
	memcpy(t->key + t->n, keys, n * sizeof(*keys));
	memcpy(t->truth + t->n, values, n * sizeof(*values));
	memset(t->is_used + t->n, 0, n * sizeof(*t->is_used));
	t->n += n;
	return 0;
}

static int read_truths(struct xc_flowmap *m)
{
	struct walk w = { .fd = m->cfg.truth_fd };
	struct truths *t = &m->truths;
	struct xc_truth values[BATCH];
	int r;

	t->n = 0;
	while ((r = next_batch(&w, m->keys, values)) > 0) {
		r = add_truths(t, m->keys, values, w.n);
		if (r)
			return r;
	}
	if (r)
		return r;
	xc_index_done(&t->index);
	r = xc_index_init(&t->index, (uint32_t)t->n + 1);
	if (r)
		return r;
	for (uint32_t i = 0; i < t->n; i++)
		xc_index_add(&t->index, xc_hash(&t->key[i], sizeof(*t->key)), i);
	return 0;
}

static const struct xc_truth_window *truth_window(const struct xc_flowmap *m,
						  const struct xc_truth *t)
{
	static const struct xc_truth_window none;
	const struct xc_truth_window *w = &t->window[m->no & 1];

	return w->no == m->no ? w : &none;
}

static const struct xc_flow_kernel *kernel_of(const struct xc_flowmap *m, struct held *h)
{
	const struct truths *all = &m->truths;
	const struct xc_truth_window *w;
	const struct xc_truth *t;
	uint32_t i = xc_index_first(&all->index, xc_hash(&h->key, sizeof(h->key)));

	while (i != XC_INDEX_END && memcmp(&all->key[i], &h->key, sizeof(h->key)))
		i = xc_index_next(&all->index, i);
	if (i == XC_INDEX_END)
		return NULL;
	t = &all->truth[i];
	w = truth_window(m, t);
	all->is_used[i] = true;
	h->kernel = (struct xc_flow_kernel){ .cookie = t->cookie,
					     .cgroup_id = t->cgroup_id,
					     .tgid = t->tgid,
					     .netns = t->netns,
					     .srtt_us = t->srtt_us,
					     .mdev_us = t->mdev_us,
					     .n_retrans = w->n_retrans,
					     .n_policy_drops = w->n_policy_drops,
					     .n_drops = w->n_drops };
	memcpy(h->kernel.comm, t->comm, sizeof(t->comm));
	h->kernel.comm[sizeof(h->kernel.comm) - 1] = '\0';
	return &h->kernel;
}

/* ---- flows --------------------------------------------------------------------------------------- */

/* A window nobody has rolled since is shut as long as it lasted. */
static void close_shut(const struct xc_flowmap *m, struct xc_flow *f, struct xc_flow_window *w)
{
	if (f->window_end_ns != m->end_ns)
		return;
	for (int i = 0; i < 2; i++)
		w->dir[i].zero_window_ns += xc_flow_shut_ns(&f->half[i], m->start_ns, m->end_ns);
}

static void count(struct xc_flowmap *m, const struct xc_flow_window *w)
{
	m->stats.n_packets += (uint64_t)w->dir[0].n_packets + w->dir[1].n_packets;
	m->stats.n_flows += w->n_connections;
}

static int see(struct xc_flowmap *m, const struct xc_flow_key *key, const struct xc_flow_entry *e,
	       bool has_timed_out)
{
	struct xc_flow_window *w;
	struct held *h;
	int r = hold(m, key, &h);

	if (r)
		return r;
	h->flow = e->flow;
	h->id = e->id;
	w = &h->flow.window[m->no & 1];
	if (w->no == m->no) {
		close_shut(m, &h->flow, w);
		count(m, w);
	}
	m->seen[m->n_seen++] = (struct xc_flow_seen){ .key = &h->key,
						      .flow = &h->flow,
						      .window = w->no == m->no ? w : NULL,
						      .latency = latency_of(m, h),
						      .kernel = kernel_of(m, h),
						      .has_timed_out = has_timed_out };
	return 0;
}

static int remember(struct idle **list, size_t *n, size_t *room, const struct idle *one)
{
	int r = make_room(list, *n, room, sizeof(**list));

	if (!r)
		(*list)[(*n)++] = *one;
	return r;
}

static bool is_half_open(const struct xc_flowmap *m, const struct xc_flow *f)
{
	return f->proto == XC_IP_TCP && f->state == XC_FLOW_NEW && f->syn_ns &&
	       f->syn_ns < m->end_ns && m->end_ns - f->syn_ns < HALF_OPEN_NS;
}

/* One entry of the kernel's table: is it of this window, and is it over? */
static int on_entry(struct xc_flowmap *m, const struct xc_flow_key *key,
		    const struct xc_flow_entry *e)
{
	const struct xc_flow *f = &e->flow;
	bool is_here = f->window[m->no & 1].no == m->no, is_idle, is_closed;
	struct idle one = { f->last_ns, *key, f->state == XC_FLOW_CLOSED };
	int r = 0;

	if (!f->n_connections)
		return 0;	/* its first packet is being counted just now */
	is_closed = one.is_closed && f->last_ns < m->start_ns;
	is_idle = m->cfg.idle_ns && f->last_ns + m->cfg.idle_ns <= m->end_ns;
	if (is_here || is_half_open(m, f) || is_idle)
		r = see(m, key, e, is_idle && !is_closed);
	if (r || f->last_ns >= m->end_ns)
		return r;
	m->stats.n_expired += is_idle && !is_closed;
	if (is_closed || is_idle)
		return remember(&m->gone, &m->n_gone, &m->gone_room, &one);
	return remember(&m->idle, &m->n_idle, &m->idle_room, &one);
}

static int read_flows(struct xc_flowmap *m)
{
	struct walk w = { .fd = m->cfg.flows_fd };
	int r;

	m->n_held = m->n_seen = m->n_gone = m->n_idle = 0;
	m->stats.n_live = 0;
	while ((r = next_batch(&w, m->keys, m->entries)) > 0) {
		m->stats.n_live += w.n;
		for (uint32_t i = 0; i < w.n; i++) {
			r = on_entry(m, &m->keys[i], &m->entries[i]);
			if (r)
				return r;
		}
	}
	return r;
}

/* Packets that were dropped before they reached an interface: a flow without packets. */
static int see_failed(struct xc_flowmap *m)
{
	struct truths *all = &m->truths;

	for (size_t i = 0; i < all->n; i++) {
		const struct xc_truth_window *w = truth_window(m, &all->truth[i]);
		struct xc_flow_entry e = { 0 };
		struct xc_flow_window *window = &e.flow.window[m->no & 1];
		int r;

		if (all->is_used[i] || !w->n_drops || all->truth[i].netns != m->cfg.netns)
			continue;
		e.flow.first_ns = e.flow.last_ns = m->start_ns;
		e.flow.proto = all->key[i].proto;
		e.flow.initiator = window->initiator = all->truth[i].initiator & 1;
		e.flow.state = window->state = XC_FLOW_NEW;
		window->no = m->no;
		r = see(m, &all->key[i], &e, false);
		if (r)
			return r;
	}
	return 0;
}

/* ---- removal -------------------------------------------------------------------------------------- */

/* A packet that came since we looked brings the flow back. */
static void remove_flow(struct xc_flowmap *m, const struct idle *one)
{
	struct xc_flow_entry e = { 0 };
	int r = bpf_map_lookup_and_delete_elem(m->cfg.flows_fd, &one->key, &e);

	if (r == -ENOENT)
		return;
	m->stats.n_live--;
	e.is_taken = 0;
	if (r)	/* before 5.14: it cannot be told */
		(void)bpf_map_delete_elem(m->cfg.flows_fd, &one->key);
	else if (e.flow.last_ns != one->last_ns &&
		 bpf_map_update_elem(m->cfg.flows_fd, &one->key, &e, BPF_NOEXIST))
		m->stats.n_raced++;
}

/* First those that have ended, then those that have been idle for longest. */
static int by_worth(const void *a, const void *b)
{
	const struct idle *x = a, *y = b;

	if (x->is_closed != y->is_closed)
		return x->is_closed ? -1 : 1;
	return (x->last_ns > y->last_ns) - (x->last_ns < y->last_ns);
}

static void make_way(struct xc_flowmap *m)
{
	uint32_t most = m->cfg.max_flows - m->cfg.max_flows / 4;

	for (size_t i = 0; i < m->n_gone; i++)
		remove_flow(m, &m->gone[i]);
	if (m->stats.n_live <= most || !m->n_idle)
		return;
	qsort(m->idle, m->n_idle, sizeof(*m->idle), by_worth);
	for (size_t i = 0; i < m->n_idle; i++) {
		const struct idle *one = &m->idle[i];

		if (!one->is_closed && m->stats.n_live <= most)
			break;
		remove_flow(m, one);
		m->stats.n_evicted += !one->is_closed;
	}
}

/* ---- the interface ---------------------------------------------------------------------------------- */

int xc_flowmap_new(const struct xc_flowmap_cfg *cfg, struct xc_flowmap **ret_map)
{
	struct xc_flowmap *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->cfg = *cfg;
	*ret_map = m;
	return 0;
}

void xc_flowmap_free(struct xc_flowmap *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_blocks; i++)
		free(m->block[i]);
	free(m->block);
	free(m->seen);
	free(m->samples);
	free(m->buckets);
	free(m->truths.key);
	free(m->truths.truth);
	free(m->truths.is_used);
	xc_index_done(&m->truths.index);
	free(m->gone);
	free(m->idle);
	free(m);
}

int xc_flowmap_read(struct xc_flowmap *m, uint64_t no, const struct xc_flow_seen **ret_seen,
		    size_t *ret_n)
{
	int r;

	m->no = no;
	m->start_ns = no * m->cfg.window_ns;
	m->end_ns = m->start_ns + m->cfg.window_ns;
	r = read_latencies(m);
	if (!r)
		r = read_truths(m);
	if (!r)
		r = read_flows(m);
	if (!r)
		r = see_failed(m);
	if (r)
		return r;
	make_way(m);
	*ret_seen = m->seen;
	*ret_n = m->n_seen;
	return 0;
}

void xc_flowmap_get_stats(const struct xc_flowmap *m, struct xc_flowmap_stats *ret_stats)
{
	*ret_stats = m->stats;
	ret_stats->memory_bytes =
		sizeof(*m) + m->n_blocks * BLOCK * sizeof(struct held) +
		m->seen_room * sizeof(*m->seen) +
		m->samples_room * (sizeof(*m->samples) + sizeof(*m->buckets)) +
		m->truths.room * (sizeof(struct xc_flow_key) + sizeof(struct xc_truth) + 9) +
		(m->gone_room + m->idle_room) * sizeof(struct idle);
}
