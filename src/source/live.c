/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live host: probes and their ring, the counters nobody sends events about, ICMP
 * sockets, and answers to the engine's questions. Everything leaves through on_record.
 */
#include "source/host.h"
#include "source/source.h"

#include "abi/segment.h"
#include "base/log.h"
#include "model/net.h"
#include "model/reason.h"
#include "probe/probe.h"
#include "probe/scan.h"
#include "source/fit.h"
#include "source/ifaces.h"
#include "source/loads.h"
#include "source/naming.h"
#include "source/plaintext.h"
#include "source/route.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define N_PROBES_MAX 16
#define TICK_NS 1000000000ull		/* at least one tick a second: losses stay current */
#define COUNTERS_NS 50000000ull		/* per namespace; stretched when there are many */
#define QUIET_COUNTERS_NS 200000000ull	/* while no hook has anything to say */
#define QUIET_NS 10000000000ull		/* after its last word */
#define SCAN_NS 250000000ull		/* while sockets are stuck; stretched when a scan is slow */
#define STUCK_NS 5000000000ull		/* after the last probe of a shut window */
#define IDLE_SCAN_NS 5000000000ull	/* otherwise: a scan walks a hash table of megabytes */
#define REFRESH_NS 2000000000ull	/* namespaces and addresses */
#define BUSY_NS 10000000ull
#define BUSY_RECORDS 500u		/* in BUSY_NS: from here on records are let gather */
#define GATHER_NS 200000ull
#define RING_BATCH 16384u		/* records in a row: who watches for signals and time gets a turn */
#define SCAN_SHARE 200			/* scans may take 1/200 of one CPU */
#define RING_TAG UINT64_MAX
#define IFACES_TAG (UINT64_MAX - 1)
#define LOADS_TAG (UINT64_MAX - 2)

struct live {
	struct xc_source_env env;
	struct xc_kernel kernel;
	struct xc_probe_cfg cfg;
	struct xc_share share;
	struct xc_scope scope;
	struct xc_naming *naming;
	struct xc_attached *probes[N_PROBES_MAX];
	struct xc_attached *scan, *tls, *forward;	/* those probes among them, or NULL */
	struct xc_plaintext *plaintext;	/* NULL = not asked for */
	struct xc_loads *loads;	/* when it tells, this probe among them is attached */
	struct xc_attached *waiting;
	struct xc_ifaces *ifaces;	/* that forward; NULL = not asked for */
	struct ring_buffer *ring;
	uint32_t n_left;	/* records until somebody else gets a turn; 0 = nobody reads */
	uint64_t busy_since_ns;	/* since then n_lately records came */
	uint32_t n_lately;
	bool is_busy;
	int epoll_fd;
	int n_cpus;
	bool has_started;
	bool has_ended;		/* of the namespaces given none is left */
	uint64_t tick_ns, counters_ns, scan_ns, scan_every_ns, refresh_ns, owners_ns, probed_ns;
	uint64_t heard_ns;	/* when a hook or a counter last had something to say */
};

/* ---- what the kernel is told --------------------------------------------------------- */

/* As many sets as @max_connections fill, rounded down to a power of two. */
static uint32_t own_set_mask(uint32_t max_connections)
{
	uint32_t n = 1;

	while (n * 2 <= max_connections / XC_OWN_WAYS)
		n *= 2;
	return n - 1;
}

/* With several, the first. */
static const struct xc_netns *forwarding_netns(const struct live *l)
{
	return &l->scope.ns[0];
}

static void make_cfg(struct live *l)
{
	l->cfg = l->env.scope;
	l->cfg.has_netns_scope = !l->scope.is_whole_host;
	l->cfg.netns_only = !l->scope.is_whole_host && l->scope.n == 1 ? l->scope.ns[0].inum : 0;
	l->cfg.ifindex = l->env.iface ? l->env.scope.ifindex : 0;
	l->cfg.own_set_mask = own_set_mask(l->env.max_connections);
	l->cfg.drop_budget = 2000;
	l->cfg.payload_budget = l->env.payload_budget ? l->env.payload_budget : XC_SEGMENT_BYTES;
	l->cfg.with_both_ends = l->env.with_both_ends;
	l->cfg.is_payload_only = !l->env.with_failures;
	l->cfg.forwarded_netns = forwarding_netns(l)->inum;
	l->cfg.has_tls = l->env.with_payload && l->env.tls_uprobes;
	xc_fit_kernel(&l->kernel, &l->cfg);
}

static void allow_netns(struct live *l, const struct xc_netns *ns)
{
	int fd = xc_share_fd(&l->share, "xc_netns");
	uint8_t one = 1;

	if (fd >= 0)
		(void)bpf_map_update_elem(fd, &ns->inum, &one, BPF_ANY);
}

static void forbid_netns(struct live *l, const struct xc_netns *ns)
{
	int fd = xc_share_fd(&l->share, "xc_netns");

	if (fd >= 0)
		(void)bpf_map_delete_elem(fd, &ns->inum);
}

/* ---- records of our own ---------------------------------------------------------------- */

static void emit_tick(struct live *l)
{
	struct xc_tick_evt e = { .hdr = { .kind = XC_EVT_TICK, .size_bytes = sizeof(e) } };
	int fd = xc_share_fd(&l->share, "xc_stats");
	uint64_t per_cpu[512];

	for (uint32_t k = 0; fd >= 0 && k < _XC_STAT_MAX && l->n_cpus <= 512; k++) {
		if (bpf_map_lookup_elem(fd, &k, per_cpu))
			continue;
		for (int c = 0; c < l->n_cpus; c++)
			e.lost[k] += per_cpu[c];
	}
	e.wall_offset_ns = xc_wall_offset_ns();
	e.hdr.ts_ns = l->tick_ns = xc_now_ns();
	l->env.on_record(l->env.arg, &e.hdr);
}

struct names {
	struct xc_enum_evt *e;
	size_t len, cap;
};

static void on_name(void *arg, const char *name, uint32_t value)
{
	struct names *n = arg;
	int len;

	if (value >= XC_ENUM_VALUES)
		return;	/* masks and subsystem bases */
	len = snprintf((char *)n->e + n->len, n->cap - n->len, "%u=%s", value, name);
	if (len < 0 || n->len + (size_t)len + 1 > n->cap)
		return;
	n->len += (size_t)len + 1;
	n->e->n++;
}

static void emit_enum(struct live *l, const char *enum_name, enum xc_enum_id which)
{
	char buf[16384] __attribute__((aligned(8))) = { 0 };
	struct names n = { (struct xc_enum_evt *)buf, sizeof(struct xc_enum_evt), sizeof(buf) - 8 };

	if (!xc_kernel_enum(&l->kernel, enum_name, on_name, &n))
		return;
	n.e->which = (uint16_t)which;
	n.e->hdr = (struct xc_evt){ .ts_ns = xc_now_ns(),
				    .kind = XC_EVT_ENUM,
				    .size_bytes = (uint32_t)((n.len + 7) & ~(size_t)7) };
	l->env.on_record(l->env.arg, &n.e->hdr);
}

/* ---- the ring -------------------------------------------------------------------------- */

/* A place that never says anything: from now on the kernel half sorts it out. */
static void learn_place(const struct live *l, const struct xc_drop_evt *e)
{
	int fd = xc_share_fd(&l->share, "xc_places");
	bool is_noise = l->cfg.has_reasons ? xc_place_is_noise(e->sym) :
					     xc_drop_from_place(e->sym) == XC_DROP_OTHER;
	uint8_t one = 1;

	if (fd >= 0 && is_noise)
		(void)bpf_map_update_elem(fd, &e->location, &one, BPF_ANY);
}

static int on_ring(void *arg, void *data, size_t size)
{
	const struct xc_evt *e = data;
	struct live *l = arg;
	struct xc_drop_evt d;

	if (size < sizeof(*e))
		return 0;
	if (e->kind == XC_EVT_DROP && size >= sizeof(d)) {
		memcpy(&d, data, sizeof(d));
		if (!d.sym[0] && !l->cfg.has_snprintf)
			(void)xc_naming_place(l->naming, d.location, d.sym, sizeof(d.sym));
		if (d.reason == l->cfg.reason_not_specified)
			learn_place(l, &d);
		e = &d.hdr;
	}
	l->env.on_record(l->env.arg, e);
	return --l->n_left ? 0 : -EAGAIN;
}

/* What is there now; what comes meanwhile may be left for the next time. */
static void read_ring(struct live *l)
{
	if (l->n_left)
		return;	/* a record's question led here: whoever reads comes to the rest */
	l->n_left = RING_BATCH;
	(void)ring_buffer__consume(l->ring);
	l->n_lately += RING_BATCH - l->n_left;
	l->n_left = 0;
}

/*
 * The kernel wakes us for a record only when we have read all before it. When there are many, those wake-ups cost whoever
 * sends more than anything else we do: so we come later, and find several.
 */
static void let_gather(struct live *l)
{
	struct timespec gather = { .tv_nsec = GATHER_NS };
	uint64_t now = xc_now_ns(), since = now - l->busy_since_ns;

	if (since >= BUSY_NS) {
		l->is_busy = l->n_lately * BUSY_NS >= BUSY_RECORDS * since;
		l->n_lately = 0;
		l->busy_since_ns = now;
	}
	if (l->is_busy)
		(void)nanosleep(&gather, NULL);
}

/* ---- open and close ---------------------------------------------------------------------- */

static void stop_waiting(struct live *l)
{
	xc_loads_close(l->loads);
	l->loads = NULL;
}

static void live_close(void *source)
{
	struct live *l = source;

	if (!l)
		return;
	ring_buffer__free(l->ring);
	xc_plaintext_close(l->plaintext);
	xc_ifaces_close(l->ifaces);
	stop_waiting(l);
	for (size_t i = 0; xc_probes[i]; i++)
		xc_probe_close(l->probes[i]);
	xc_share_done(&l->share);
	xc_naming_free(l->naming);
	xc_scope_close(&l->scope);
	if (l->kernel.btf)
		xc_kernel_close(&l->kernel);
	if (l->epoll_fd >= 0)
		(void)close(l->epoll_fd);
	free(l);
}

static void live_closep(struct live **l)
{
	live_close(*l);
}

/* A probe this kernel cannot have costs certainty, not the whole run; without sockets there is no run. */
static int open_probe(struct live *l, const struct xc_probe *probe, bool attaches_later,
		      struct xc_attached **ret)
{
	bool is_vital = !strcmp(probe->name, "sock") || !strcmp(probe->name, "stream");
	struct xc_probe_report report = { 0 };
	struct xc_probe_env env = {
		.kernel = &l->kernel,
		.cfg = &l->cfg,
		.share = &l->share,
		.cgroup_root = xc_cgroup2_root(),
		.ring_bytes = l->env.ring_bytes,
		.max_connections = l->env.max_connections,
		.attaches_later = attaches_later,
		.report = &report,
	};
	int r = xc_probe_open(probe, &env, ret);

	if (r && is_vital)
		return xc_err(
			r,
			"cannot attach to the kernel; run `crosscut doctor` for the exact remedy");
	if (r)
		(void)xc_log_at(XC_LOG_WARN, r, "probe %s is not available: %s", probe->name,
				probe->without);
	else if (report.missing[0])
		xc_debug("probe %s: this kernel lacks %s", probe->name, report.missing);
	return 0;
}

/* A probe that explains programs of others is attached when there are any; to load it then would take too long. */
static int open_waiting(struct live *l, size_t i)
{
	const struct xc_probe *probe = xc_probes[i];
	bool has_some =
		xc_loads_open(probe->about, probe->name, &l->loads) || xc_loads_is_there(l->loads);
	int r = open_probe(l, probe, !has_some, &l->probes[i]);

	l->waiting = l->probes[i];
	if (has_some || !l->waiting)
		stop_waiting(l);
	return r;
}

static void on_loads(struct live *l)
{
	if (!l->loads || !xc_loads_read(l->loads))
		return;
	stop_waiting(l);
	if (xc_probe_attach(l->waiting, xc_cgroup2_root()))
		(void)xc_warn(0, "programs that decide about connect() are not seen at work");
}

static int open_probes(struct live *l)
{
	unsigned int wanted = (l->env.with_failures ? XC_FOR_FAILURES : 0) |
			      (l->env.with_payload ? XC_FOR_REQUESTS : 0) |
			      (l->cfg.has_tls ? XC_FOR_PLAINTEXT : 0) |
			      (l->env.forwarded ? XC_FOR_FORWARDED : 0);
	int r = 0;

	for (size_t i = 0; !r && xc_probes[i]; i++) {
		if (!(xc_probes[i]->serves & wanted))
			continue;
		r = xc_probes[i]->about ? open_waiting(l, i) :
					  open_probe(l, xc_probes[i], false, &l->probes[i]);
		if (!strcmp(xc_probes[i]->name, "scan"))
			l->scan = l->probes[i];
		if (!strcmp(xc_probes[i]->name, "tls"))
			l->tls = l->probes[i];
		if (!strcmp(xc_probes[i]->name, "forward"))
			l->forward = l->probes[i];
	}
	return r;
}

static int open_plaintext(struct live *l)
{
	return l->tls ? xc_plaintext_open(l->env.tls_uprobes, l->tls, &l->plaintext) : 0;
}

static int open_ifaces(struct live *l)
{
	struct xc_ifaces_cfg cfg = {
		.name = l->env.forwarded,
		.place = 1,
		.netns_fd = forwarding_netns(l)->fd,
		.in_fd = xc_attached_prog_fd(l->forward, "forward_in"),
		.out_fd = xc_attached_prog_fd(l->forward, "forward_out"),
		.in_l3_fd = xc_attached_prog_fd(l->forward, "forward_in_l3"),
		.out_l3_fd = xc_attached_prog_fd(l->forward, "forward_out_l3"),
	};

	return xc_ifaces_open(&cfg, &l->ifaces);
}

static int watch_fd(const struct live *l, int fd, uint64_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = tag };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

/* tag: index of the namespace times two, plus one for ICMPv6 */
static void watch_namespaces(struct live *l)
{
	for (size_t i = 0; i < l->scope.n; i++) {
		struct xc_netns *ns = &l->scope.ns[i];

		if (ns->is_gone)
			forbid_netns(l, ns);
		if (!ns->is_new)
			continue;
		ns->is_new = false;
		allow_netns(l, ns);
		if (!l->env.with_failures)
			continue;
		if (ns->icmp4_fd >= 0)
			(void)watch_fd(l, ns->icmp4_fd, i * 2);
		if (ns->icmp6_fd >= 0)
			(void)watch_fd(l, ns->icmp6_fd, i * 2 + 1);
	}
}

static int open_ring(struct live *l)
{
	int fd = xc_share_fd(&l->share, "xc_events");

	l->ring = ring_buffer__new(fd, on_ring, l, NULL);
	if (!l->ring)
		return xc_err(-errno, "ring buffer");
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return xc_err(-errno, "epoll");
	return watch_fd(l, ring_buffer__epoll_fd(l->ring), RING_TAG);
}

static int live_open(const struct xc_source_env *env, void **ret_source)
{
	_cleanup_(live_closep) struct live *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	xc_probe_log_libbpf();
	l->env = *env;
	l->epoll_fd = -1;
	l->n_cpus = libbpf_num_possible_cpus();
	l->scan_every_ns = SCAN_NS;

	r = xc_scope_open(&l->scope, env->netns, env->n_netns);
	if (r)
		return r;
	r = xc_kernel_open(&l->kernel);
	if (r)
		return xc_err(
			r,
			"no BTF of this kernel (/sys/kernel/btf/vmlinux): needs CONFIG_DEBUG_INFO_BTF");
	r = xc_naming_new(&l->naming);
	if (r)
		return r;

	make_cfg(l);
	r = open_probes(l);
	if (r)
		return r;
	r = open_plaintext(l);
	if (r)
		return r;
	r = open_ring(l);
	if (r)
		return r;

	r = l->forward ? open_ifaces(l) : 0;
	if (!r && l->ifaces)
		r = watch_fd(l, xc_ifaces_fd(l->ifaces), IFACES_TAG);
	if (r)
		return r;

	r = l->loads ? watch_fd(l, xc_loads_fd(l->loads), LOADS_TAG) : 0;
	if (r)
		return r;

	watch_namespaces(l);
	*ret_source = TAKE_PTR(l);
	return 0;
}

/* ---- work between events ------------------------------------------------------------------ */

static void scan_stuck(struct live *l, struct xc_netns *ns)
{
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };

	if (l->scan && ns->inum && !xc_netns_enter(ns->fd, &visit))
		(void)xc_scan_tcp(l->scan);
}

static void scan_all(struct live *l)
{
	uint64_t began = xc_now_ns();

	for (size_t i = 0; i < l->scope.n; i++)
		scan_stuck(l, &l->scope.ns[i]);
	l->scan_ns = xc_now_ns();
	/* many sockets make a scan long: then scan less often */
	l->scan_every_ns = (l->scan_ns - began) * SCAN_SHARE;
	if (l->scan_every_ns < SCAN_NS)
		l->scan_every_ns = SCAN_NS;
}

static void poll_counters(struct live *l)
{
	for (size_t i = 0; i < l->scope.n; i++) {
		struct xc_netns *ns = &l->scope.ns[i];
		struct xc_counters_evt e;
		bool has_moved = xc_counters_read(ns, &e);

		if (ns->has_probed)
			l->probed_ns = xc_now_ns();
		ns->has_probed = false;
		if (!has_moved)
			continue;
		l->heard_ns = xc_now_ns();
		/* a listener turned somebody away: look which one is full before telling */
		if (e.v[XC_CTR_LISTEN_DROPS] | e.v[XC_CTR_REQQ_FULL_COOKIES]) {
			scan_stuck(l, ns);
			read_ring(l);
			e.hdr.ts_ns = xc_now_ns();
		}
		l->env.on_record(l->env.arg, &e.hdr);
	}
	l->counters_ns = xc_now_ns();
}

static bool is_any_left(const struct live *l)
{
	for (size_t i = 0; i < l->scope.n; i++)
		if (l->scope.ns[i].inum && !l->scope.ns[i].is_gone)
			return true;
	return false;
}

static void refresh(struct live *l)
{
	if (xc_scope_refresh(&l->scope)) {
		watch_namespaces(l);
		l->has_ended = !l->scope.is_whole_host && !is_any_left(l);
		if (l->has_ended)
			return;	/* ours until nothing is attached: its number may be given to another one */
		if (l->ifaces && forwarding_netns(l)->is_gone) {
			xc_ifaces_close(l->ifaces);
			l->ifaces = NULL;
		}
		xc_scope_drop_gone(&l->scope);
	}
	for (size_t i = 0; l->env.with_failures && i < l->scope.n; i++)
		if (l->scope.ns[i].inum)
			(void)xc_addresses_read(&l->scope.ns[i], &l->env);
	l->refresh_ns = xc_now_ns();
}

static void scan_owners(struct live *l)
{
	if (l->scan && !xc_scan_files(l->scan))
		read_ring(l);
	l->owners_ns = xc_now_ns();
}

/* What a recording needs before anything else: names, time, who is there. */
static void start(struct live *l)
{
	l->has_started = true;
	emit_enum(l, "skb_drop_reason", XC_ENUM_DROP_REASON);
	emit_enum(l, "sk_rst_reason", XC_ENUM_RST_REASON);
	emit_tick(l);
	refresh(l);
	scan_owners(l);
	if (l->env.with_failures) {
		poll_counters(l);
		scan_all(l);
	}
	xc_kernel_close(&l->kernel);	/* five megabytes nobody asks again */
}

static uint64_t counters_every(const struct live *l)
{
	bool is_quiet = l->counters_ns > l->heard_ns + QUIET_NS;

	/* 10 ms of distance for each further namespace keeps the cost of reading them flat */
	return (is_quiet ? QUIET_COUNTERS_NS : COUNTERS_NS) +
	       (l->scope.n > 4 ? (l->scope.n - 4) * 10000000ull : 0);
}

/* A shut window makes no event, but its probes are counted: only then it is worth looking often. */
static uint64_t scan_due(const struct live *l)
{
	bool is_stuck = l->probed_ns && l->counters_ns < l->probed_ns + STUCK_NS;

	if (is_stuck || l->scan_every_ns > IDLE_SCAN_NS)
		return l->scan_ns + l->scan_every_ns;
	return l->scan_ns + IDLE_SCAN_NS;
}

static uint64_t next_work(const struct live *l)
{
	uint64_t at[] = { l->tick_ns + TICK_NS, l->refresh_ns + REFRESH_NS,
			  l->counters_ns + counters_every(l), scan_due(l) };
	size_t n = l->env.with_failures ? ARRAY_SIZE(at) : 2;
	uint64_t min = at[0];

	for (size_t i = 1; i < n; i++)
		min = at[i] < min ? at[i] : min;
	return min;
}

static void do_due_work(struct live *l, uint64_t now)
{
	if (now >= l->refresh_ns + REFRESH_NS)
		refresh(l);
	if (l->plaintext)
		xc_plaintext_look(l->plaintext, now);
	if (!l->env.with_failures)
		return;
	xc_naming_poll(l->naming, &l->env);
	if (now >= l->counters_ns + counters_every(l))
		poll_counters(l);
	if (now >= scan_due(l))
		scan_all(l);
}

static void deliver(struct live *l, const struct epoll_event *ev)
{
	struct xc_netns *ns;

	if (ev->data.u64 == RING_TAG) {
		let_gather(l);
		l->heard_ns = xc_now_ns();
		read_ring(l);
		return;
	}
	if (ev->data.u64 == LOADS_TAG) {
		on_loads(l);
		return;
	}
	if (ev->data.u64 == IFACES_TAG) {
		xc_ifaces_refresh(l->ifaces);
		return;
	}
	ns = &l->scope.ns[ev->data.u64 / 2];
	if (!ns->inum)
		return;	/* let go since the event was fetched */
	if (ev->data.u64 & 1)
		xc_icmp_read(ns, ns->icmp6_fd, 6, &l->env);
	else
		xc_icmp_read(ns, ns->icmp4_fd, 4, &l->env);
}

static int live_poll(void *source, uint64_t deadline_ns)
{
	struct epoll_event events[16];
	struct live *l = source;
	uint64_t now, until;
	int n, timeout_ms;

	if (!l->has_started)
		start(l);
	now = xc_now_ns();
	until = next_work(l) < deadline_ns ? next_work(l) : deadline_ns;
	timeout_ms = until > now ? (int)((until - now + 999999) / 1000000) : 0;
	n = epoll_wait(l->epoll_fd, events, ARRAY_SIZE(events), timeout_ms);
	if (n < 0 && errno != EINTR)
		return xc_err(-errno, "epoll_wait");
	for (int i = 0; i < n; i++)
		deliver(l, &events[i]);
	now = xc_now_ns();
	do_due_work(l, now);
	if (now >= deadline_ns || now >= l->tick_ns + TICK_NS)
		emit_tick(l);
	if (l->has_ended)
		xc_info("no namespace is left to watch: the end");
	return l->has_ended;
}

static void live_ask(void *source, const struct xc_ask *ask)
{
	struct live *l = source;
	struct xc_netns *ns = xc_scope_find(&l->scope, ask->netns);

	switch (ask->kind) {
	case XC_ASK_RULE:
		if (ns && l->env.with_rules)
			xc_naming_rule(l->naming, ns, &ask->drop, &l->env);
		break;
	case XC_ASK_SYSCTL:
		if (ns)
			xc_sysctl_answer(ns, ask->key, &l->env);
		break;
	case XC_ASK_CGROUP:
		xc_cgroup_answer(ask->id, &l->env);
		break;
	case XC_ASK_PROGRAMS:
		if (ns)
			xc_programs_answer(ns, ask->ifindex, ask->id, &l->env);
		break;
	case XC_ASK_ROUTE:
		if (ns)
			xc_route_answer(ns, &ask->tuple, &l->env);
		break;
	case XC_ASK_PROCESS:
		xc_process_answer(ask->netns, (uint32_t)ask->id, &l->env);
		break;
	case XC_ASK_OWNERS:
		if (xc_now_ns() - l->owners_ns > TICK_NS)
			scan_owners(l);
		break;
	}
}

/* A socket that is gone leaves its policy behind when this comes late: the oldest make room. */
static void live_want(void *source, const struct xc_segment_want *want)
{
	struct live *l = source;
	int fd = xc_share_fd(&l->share, "xc_policies");
	struct xc_policy_key key = { .cookie = want->cookie, .is_outbound = want->is_outbound };
	struct xc_policy policy = { .mode = want->mode, .skip_until = want->skip_until };

	if (fd >= 0)
		(void)bpf_map_update_elem(fd, &key, &policy, BPF_ANY);
}

const struct xc_source xc_source_live = {
	.name = "live",
	.open = live_open,
	.poll = live_poll,
	.ask = live_ask,
	.want = live_want,
	.close = live_close,
};
