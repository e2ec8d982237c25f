/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table of captures. Slots come in blocks as they are needed and are used again last
 * in, first out. All flows are in one list by the window of their latest packet; a flow moves to its
 * end with its first packet in a window, not with every one. So the end of the list is the open window, in
 * the order in which its flows spoke, and its start is who has been idle longest: nothing is ever searched.
 */
#include "flow/table.h"

#include "abi/flow_update.h"
#include "base/index.h"
#include "base/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE XC_INDEX_END
#define NO_WINDOW UINT64_MAX
#define BLOCK_SLOTS 256
#define FIRST_SLOTS 1024		/* of the index, at the start */
#define N_FRAGMENTS 1024			/* packets whose fragments are awaited; the next on the same place wins */
#define HALF_OPEN_NS 60000000000ull		/* FEATURES half_open_connections: a SYN of the last 60 s */
#define SAMPLE_BYTES 64				/* of the payload of one packet: many packets say more than one */

/* One flow. What a look-up needs is in the first cache line. */
struct entry {
	struct xc_flow_key key;
	uint64_t no;			/* of the window it is in: that of its latest packet */
	uint32_t prev, next;		/* by rising no */
	struct xc_payload *payload;	/* of the open window; NULL = never sampled; owned */
	struct xc_flow flow;
	struct xc_hist latency;		/* of the open window */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct entry, flow) == 64, "one cache line to find a flow");

/* A flow that is half open, or that ended: looked at again when the next window closes. */
struct waiting {
	uint32_t slot;
	uint64_t no;			/* as long as this is its latest window */
};

struct fragments {
	struct xc_fragment_key key;
	uint16_t port_he[2];
};

struct xc_flow_table {
	struct xc_flow_table_cfg cfg;
	xc_window_fn on_window;
	void *arg;
	struct xc_index index;
	struct entry **block;
	uint32_t n_slots;		/* that exist; at most cfg.max_flows */
	uint32_t n_live;
	uint32_t free;			/* first free slot; next links them */
	uint32_t oldest, newest;	/* ends of the list */
	uint32_t first_open;		/* first one of the list that is in the open window */
	uint64_t no, end_ns;		/* the open window */
	uint64_t idle_windows;
	struct waiting *waiting;	/* at most one of a flow */
	struct xc_flow_seen *seen;
	size_t n_waiting, n_seen, room;	/* room of both */
	size_t n_payloads;
	struct xc_flow_table_stats stats;
	struct fragments fragments[N_FRAGMENTS];
};

static inline struct entry *entry_of(const struct xc_flow_table *t, uint32_t slot)
{
	return &t->block[slot / BLOCK_SLOTS][slot % BLOCK_SLOTS];
}

/* ---- keys ----------------------------------------------------------------------------------- */

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A multiplicative hash. xc_hash() goes byte by byte (and names findings, so it stays as it is): too slow for
 * every packet. Field by field, as they were just written: to read them in one word would wait for the stores. */
static inline uint64_t hash_of(const struct xc_flow_key *key)
{
	uint64_t rest =
		(uint64_t)key->proto << 32 | (uint32_t)key->port_he[0] << 16 | key->port_he[1];
	uint64_t w[4];

	memcpy(w, key->addr, sizeof(w));
	w[0] = fold(w[0] ^ 0xa0761d6478bd642fu, w[1] ^ 0xe7037ed1a0b428dbu);
	w[2] = fold(w[2] ^ 0x8ebc6af09c88c6e3u, w[3] ^ 0x589965cc75374cc3u);
	return fold(w[0] ^ rest, w[2] ^ 0x1d8e4e27c47d124fu);
}

static inline bool is_same(const void *a, const void *b)
{
	uint64_t x[5], y[5];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

static inline uint32_t lookup(const struct xc_flow_table *t, const struct xc_flow_key *key,
			      uint64_t hash)
{
	uint32_t slot = xc_index_first(&t->index, hash);

	while (slot != NONE && !is_same(&entry_of(t, slot)->key, key))
		slot = xc_index_next(&t->index, slot);
	return slot;
}

/* ---- the list ------------------------------------------------------------------------------- */

static void list_del(struct xc_flow_table *t, struct entry *e)
{
	if (e->prev != NONE)
		entry_of(t, e->prev)->next = e->next;
	else
		t->oldest = e->next;
	if (e->next != NONE)
		entry_of(t, e->next)->prev = e->prev;
	else
		t->newest = e->prev;
}

static void list_append(struct xc_flow_table *t, uint32_t slot, struct entry *e)
{
	e->prev = t->newest;
	e->next = NONE;
	if (t->newest != NONE)
		entry_of(t, t->newest)->next = slot;
	else
		t->oldest = slot;
	t->newest = slot;
}

/* ---- slots ---------------------------------------------------------------------------------- */

/* An index as large as the flows that are there fits a cache; one as large as those allowed may not. */
static int grow_index(struct xc_flow_table *t)
{
	struct xc_index larger;
	uint32_t n =
		t->index.n_slots > t->cfg.max_flows / 2 ? t->cfg.max_flows : t->index.n_slots * 2;
	int r = xc_index_init(&larger, n);

	if (r)
		return r;
	xc_index_done(&t->index);
	t->index = larger;
	for (uint32_t slot = t->oldest; slot != NONE; slot = entry_of(t, slot)->next)
		xc_index_add(&t->index, hash_of(&entry_of(t, slot)->key), slot);
	return 0;
}

static int add_block(struct xc_flow_table *t)
{
	uint32_t n = t->cfg.max_flows - t->n_slots;
	struct entry *block = aligned_alloc(64, sizeof(*block) * BLOCK_SLOTS);

	if (!block)
		return -ENOMEM;
	memset(block, 0, sizeof(*block) * BLOCK_SLOTS);
	t->block[t->n_slots / BLOCK_SLOTS] = block;
	n = n < BLOCK_SLOTS ? n : BLOCK_SLOTS;
	for (uint32_t i = n; i-- > 0;) {
		block[i].next = t->free;
		t->free = t->n_slots + i;
	}
	t->n_slots += n;
	return 0;
}

static int grow(struct xc_flow_table *t)
{
	int r = 0;

	if (t->n_slots + BLOCK_SLOTS > t->index.n_slots && t->index.n_slots < t->cfg.max_flows)
		r = grow_index(t);
	return r ? r : add_block(t);
}

/* Forget the flow; the slot keeps its memory for the next. */
static void drop(struct xc_flow_table *t, uint32_t slot)
{
	struct entry *e = entry_of(t, slot);

	xc_index_del(&t->index, hash_of(&e->key), slot);
	list_del(t, e);
	e->no = NO_WINDOW;
	e->next = t->free;
	t->free = slot;
	t->n_live--;
}

/* ---- the end of a window -------------------------------------------------------------------- */

/* Windows since the latest packet of @e. */
static uint64_t age(const struct xc_flow_table *t, const struct entry *e)
{
	return t->no - e->no;
}

static bool is_idle(const struct xc_flow_table *t, const struct entry *e)
{
	return t->idle_windows && age(t, e) > t->idle_windows;
}

static struct xc_flow_seen *see(struct xc_flow_table *t, const struct entry *e)
{
	struct xc_flow_seen *seen = &t->seen[t->n_seen++];

	*seen = (struct xc_flow_seen){ .key = &e->key, .flow = &e->flow };
	return seen;
}

/* Those that wait since an earlier window and said nothing in this one: what ended goes. */
static void see_waiting(struct xc_flow_table *t)
{
	size_t n = t->n_waiting;

	t->n_waiting = 0;
	for (size_t i = 0; i < n; i++) {
		struct waiting w = t->waiting[i];
		const struct entry *e = entry_of(t, w.slot);

		if (e->no != w.no || is_idle(t, e))
			continue;	/* spoke again, gave its slot away, or is given up now */
		if (e->flow.state == XC_FLOW_CLOSED) {
			drop(t, w.slot);
		} else if (e->flow.syn_ns + HALF_OPEN_NS > t->end_ns) {
			(void)see(t, e);
			t->waiting[t->n_waiting++] = w;
		}
	}
}

static bool has_to_wait(const struct xc_flow *f)
{
	return f->state == XC_FLOW_CLOSED || (f->state == XC_FLOW_NEW && f->syn_ns);
}

static void see_open(struct xc_flow_table *t, uint64_t now_ns)
{
	uint64_t start_ns = t->end_ns - t->cfg.window_ns;

	for (uint32_t slot = t->first_open; slot != NONE;) {
		struct entry *e = entry_of(t, slot);
		struct xc_flow_window *w = &e->flow.window[e->flow.filling & 1];
		struct xc_flow_seen *seen = see(t, e);

		for (int i = 0; i < 2; i++)
			if (e->flow.half[i].zero_ns)
				w->dir[i].zero_window_ns +=
					xc_flow_shut_ns(&e->flow.half[i], start_ns, now_ns);
		seen->window = w;
		seen->latency = e->latency.n ? &e->latency : NULL;
		seen->payload = e->payload && e->payload->n ? e->payload : NULL;
		if (has_to_wait(&e->flow))
			t->waiting[t->n_waiting++] = (struct waiting){ slot, e->no };
		slot = e->next;
	}
}

static void see_idle(struct xc_flow_table *t)
{
	for (uint32_t slot = t->oldest; slot != t->first_open;) {
		const struct entry *e = entry_of(t, slot);

		if (!is_idle(t, e))
			break;
		see(t, e)->has_timed_out = true;
		slot = e->next;
	}
}

static void drop_idle(struct xc_flow_table *t)
{
	while (t->oldest != t->first_open && is_idle(t, entry_of(t, t->oldest))) {
		drop(t, t->oldest);
		t->stats.n_expired++;
	}
}

/* Each live flow is seen once at most, and waits once at most. */
static int make_room(struct xc_flow_table *t)
{
	size_t room = t->n_live + t->n_live / 2;
	struct waiting *waiting;

	if (t->n_live <= t->room)
		return 0;
	waiting = realloc(t->waiting, sizeof(*waiting) * room);
	if (!waiting)
		return -ENOMEM;
	t->waiting = waiting;
	free(t->seen);
	t->room = 0;
	t->seen = malloc(sizeof(*t->seen) * room);
	if (!t->seen)
		return -ENOMEM;
	t->room = room;
	return 0;
}

/* The open window as it stands at @now_ns goes out; afterwards no flow is in it. */
static int close_window(struct xc_flow_table *t, uint64_t now_ns)
{
	int r;

	if (t->first_open == NONE)
		return 0;	/* without a packet there is no row */
	r = make_room(t);
	if (r)
		return r;
	t->n_seen = 0;
	see_waiting(t);
	see_open(t, now_ns);
	see_idle(t);
	r = t->on_window(t->arg, t->no, t->seen, t->n_seen);
	if (r)
		return r;
	drop_idle(t);
	t->stats.n_windows++;
	t->first_open = NONE;
	return 0;
}

static int next_window(struct xc_flow_table *t, uint64_t ts_ns)
{
	int r = close_window(t, t->end_ns);

	if (r)
		return r;
	t->no = ts_ns / t->cfg.window_ns;
	t->end_ns = (t->no + 1) * t->cfg.window_ns;
	return 0;
}

/*
 * More flows in one window than the table holds: the window goes out in parts, and its flows may leave.
 * Those that stay start their window again at @now_ns.
 */
static int close_part(struct xc_flow_table *t, uint64_t now_ns)
{
	uint32_t slot = t->first_open;
	int r = close_window(t, now_ns);

	for (; !r && slot != NONE; slot = entry_of(t, slot)->next) {
		struct entry *e = entry_of(t, slot);

		e->no = t->no - 1;
		for (int i = 0; i < 2; i++)
			if (e->flow.half[i].zero_ns)
				e->flow.half[i].zero_ns = now_ns;
	}
	for (size_t i = 0; i < t->n_waiting; i++)
		t->waiting[i].no -= t->waiting[i].no == t->no;
	return r;
}

/* ---- packets -------------------------------------------------------------------------------- */

/* A slot for a new flow: a free one, a new one, or that of who has been idle longest. */
static int take_slot(struct xc_flow_table *t, uint64_t now_ns, uint32_t *ret_slot)
{
	int r = 0;

	if (t->free == NONE && t->n_slots < t->cfg.max_flows)
		r = grow(t);
	if (!r && t->free == NONE && t->oldest == t->first_open)
		r = close_part(t, now_ns);
	if (r)
		return r;
	if (t->free == NONE) {
		drop(t, t->oldest);
		t->stats.n_evicted++;
	}
	*ret_slot = t->free;
	t->free = entry_of(t, *ret_slot)->next;
	return 0;
}

/* The first packet of @e in the open window. */
static void enter_window(struct xc_flow_table *t, uint32_t slot, struct entry *e)
{
	e->no = t->no;
	list_append(t, slot, e);
	if (t->first_open == NONE)
		t->first_open = slot;
	xc_hist_reset(&e->latency);
	if (e->payload)
		e->payload->n = 0;
	xc_flow_roll(&e->flow, t->end_ns - t->cfg.window_ns, t->cfg.window_ns);
}

static int add_flow(struct xc_flow_table *t, const struct xc_flow_key *key, uint64_t now_ns,
		    uint32_t *ret_slot)
{
	struct entry *e;
	int r = take_slot(t, now_ns, ret_slot);

	if (r)
		return r;
	e = entry_of(t, *ret_slot);
	e->key = *key;
	memset(&e->flow, 0,
	       offsetof(struct xc_flow, window)); /* a window is cleared when it opens */
	xc_index_add(&t->index, hash_of(key), *ret_slot);
	t->n_live++;
	enter_window(t, *ret_slot, e);
	return 0;
}

/* The flow of @slot speaks in the open window. */
static inline struct entry *touch(struct xc_flow_table *t, uint32_t slot)
{
	struct entry *e = entry_of(t, slot);

	if (e->no != t->no) {
		list_del(t, e);
		enter_window(t, slot, e);
	}
	return e;
}

/* The first fragment tells the ports, the others take them. */
static void join_fragments(struct xc_flow_table *t, struct xc_flow_packet *k)
{
	struct xc_fragment_key key;
	struct fragments *at;

	xc_fragment_key_of(k, &key);
	at = &t->fragments[xc_hash(&key, sizeof(key)) % N_FRAGMENTS];
	if (k->flags & XC_PACKET_FIRST_FRAGMENT) {
		at->key = key;
		memcpy(at->port_he, k->ends.port_he, sizeof(at->port_he));
	} else if (is_same(&at->key, &key)) {
		memcpy(k->ends.port_he, at->port_he, sizeof(at->port_he));
	}
}

static void count_error(struct xc_flow_table *t, const struct xc_flow_packet *k)
{
	struct xc_flow_key key;
	uint32_t slot;

	(void)xc_flow_key_of(&k->quoted, &key);
	slot = lookup(t, &key, hash_of(&key));
	if (slot != NONE)
		xc_flow_error(&touch(t, slot)->flow, t->end_ns - 1, t->cfg.window_ns);
}

static int sample_payload(struct xc_flow_table *t, struct entry *e, const struct xc_flow_packet *k,
			  const struct xc_flow_bytes *bytes)
{
	uint32_t n = bytes->n > k->header_bytes ? bytes->n - k->header_bytes : 0, room;

	n = n < k->payload_bytes ? n : k->payload_bytes;
	n = n < SAMPLE_BYTES ? n : SAMPLE_BYTES;
	if (!n)
		return 0;
	if (!e->payload) {
		e->payload = calloc(1, sizeof(*e->payload));
		if (!e->payload)
			return -ENOMEM;
		t->n_payloads++;
	}
	room = XC_PAYLOAD_MAX - e->payload->n;
	n = n < room ? n : room;
	memcpy(e->payload->byte + e->payload->n, bytes->data + k->header_bytes, n);
	e->payload->n = (uint16_t)(e->payload->n + n);
	return 0;
}

int xc_flow_table_add(struct xc_flow_table *t, struct xc_flow_packet *k,
		      const struct xc_flow_bytes *bytes)
{
	struct xc_flow_key key;
	uint64_t sample;
	struct entry *e;
	uint32_t slot;
	int r = 0;

	if (k->ts_ns >= t->end_ns)
		r = next_window(t, k->ts_ns);
	if (r)
		return r;
	if (k->flags & (XC_PACKET_FRAGMENT | XC_PACKET_FIRST_FRAGMENT))
		join_fragments(t, k);
	k->source = xc_flow_key_of(&k->ends, &key);
	slot = lookup(t, &key, hash_of(&key));
	if (slot == NONE)
		r = add_flow(t, &key, k->ts_ns, &slot);
	if (r)
		return r;
	e = touch(t, slot);
	t->stats.n_packets++;
	t->stats.n_late += k->ts_ns < t->end_ns - t->cfg.window_ns;
	t->stats.n_flows -= e->flow.n_connections;
	sample = xc_flow_update(&e->flow, k, t->cfg.window_ns);
	t->stats.n_flows += e->flow.n_connections;
	if (k->flags & XC_PACKET_QUOTES)
		count_error(t, k);
	if (bytes)
		r = sample_payload(t, e, k, bytes);
	return !r && sample ? xc_hist_add(&e->latency, xc_hist_bucket(sample), 1) : r;
}

int xc_flow_table_flush(struct xc_flow_table *t)
{
	return close_window(t, t->end_ns);
}

/* ---- life ----------------------------------------------------------------------------------- */

static uint64_t windows_in(uint64_t ns, uint64_t window_ns)
{
	return ns / window_ns + !!(ns % window_ns);
}

XC_DEFINE_FREEP(struct xc_flow_table, xc_flow_table_free)

int xc_flow_table_new(const struct xc_flow_table_cfg *cfg, xc_window_fn on_window, void *arg,
		      struct xc_flow_table **ret_table)
{
	_cleanup_(xc_flow_table_freep) struct xc_flow_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->cfg = *cfg;
	t->on_window = on_window;
	t->arg = arg;
	t->free = t->oldest = t->newest = t->first_open = NONE;
	t->idle_windows = windows_in(cfg->idle_ns, cfg->window_ns);
	t->block = calloc(cfg->max_flows / BLOCK_SLOTS + 1, sizeof(*t->block));
	r = t->block ? xc_index_init(&t->index,
				     cfg->max_flows < FIRST_SLOTS ? cfg->max_flows : FIRST_SLOTS) :
		       -ENOMEM;
	if (r)
		return r;
	*ret_table = TAKE_PTR(t);
	return 0;
}

void xc_flow_table_free(struct xc_flow_table *t)
{
	if (!t)
		return;
	for (uint32_t slot = 0; slot < t->n_slots; slot++) {
		xc_hist_done(&entry_of(t, slot)->latency);
		free(entry_of(t, slot)->payload);
	}
	for (uint32_t i = 0; i * BLOCK_SLOTS < t->n_slots; i++)
		free(t->block[i]);
	free(t->block);
	free(t->seen);
	free(t->waiting);
	xc_index_done(&t->index);
	free(t);
}

static size_t histogram_bytes(const struct xc_flow_table *t)
{
	size_t n = 0;

	for (uint32_t slot = 0; slot < t->n_slots; slot++)
		n += entry_of(t, slot)->latency.n_room * sizeof(struct xc_hist_bucket);
	return n;
}

void xc_flow_table_get_stats(const struct xc_flow_table *t, struct xc_flow_table_stats *ret_stats)
{
	*ret_stats = t->stats;
	ret_stats->memory_bytes =
		sizeof(*t) +
		windows_in(t->n_slots, BLOCK_SLOTS) * BLOCK_SLOTS * sizeof(struct entry) +
		t->n_payloads * sizeof(struct xc_payload) +
		t->room * (sizeof(*t->seen) + sizeof(*t->waiting)) +
		(t->index.n_buckets + (size_t)t->index.n_slots) * sizeof(uint32_t) +
		histogram_bytes(t);
}

const struct xc_flow *xc_flow_table_find(const struct xc_flow_table *t,
					 const struct xc_flow_key *key)
{
	uint32_t slot = lookup(t, key, hash_of(key));

	return slot == NONE ? NULL : &entry_of(t, slot)->flow;
}
