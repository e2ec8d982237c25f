/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Iterators: who owns the sockets that were there before crosscut, and which sockets are
 * stuck in a way that makes no event (a shut window, a full accept queue). The filter runs
 * here, so a scan of many thousand healthy sockets sends nothing.
 */
#include "probe/common.bpf.h"
#include "probe/sockread.bpf.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define ICSK_TIME_PROBE0 3	/* the persist timer runs: the peer's window is shut */

static __always_inline void scan_emit(struct sock *sk, struct xc_sock_own *own, u8 what)
{
	struct xc_sock_evt *e = xc_reserve(XC_EVT_SOCK, sizeof(*e));

	if (!e)
		return;
	xc_sock_fill(e, sk, own);
	e->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	e->what = what;
	e->state_old = e->state;
	if (!xc_tuple_in_scope(&e->tuple)) {
		bpf_ringbuf_discard(e, 0);
		return;
	}
	xc_submit(e);
}

static __always_inline void learn_listener(struct sock *sk, u32 netns, const struct xc_owner *owner)
{
	struct xc_listener_key lk = { .netns = netns };
	u32 tgid = owner->tgid;
	u8 one = 1;

	lk.port_he = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (!bpf_map_lookup_elem(&xc_listeners, &lk))
		xc_listener_learn(sk, netns, BPF_CORE_READ(sk, __sk_common.skc_cookie.counter),
				  owner);
	bpf_map_update_elem(&xc_servers, &tgid, &one, BPF_ANY);
}

/* One socket that a process holds. */
static __always_inline void on_held_socket(struct sock *sk, struct task_struct *task)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	u16 proto = BPF_CORE_READ(sk, sk_protocol);
	u32 netns = xc_sk_netns(sk);
	struct xc_sock_own own = { 0 };

	if ((family != AF_INET && family != AF_INET6) || !xc_netns_in_scope(netns))
		return;
	xc_owner_of(&own.owner, task);
	if (cfg.tgid && cfg.tgid != own.owner.tgid)
		return;
	if (proto == IPPROTO_UDP) {
		/* one that is connected hears one peer only: a client, or a server's child */
		if (BPF_CORE_READ(sk, __sk_common.skc_num) &&
		    !BPF_CORE_READ(sk, __sk_common.skc_dport))
			scan_emit(sk, &own, XC_SOCK_OWNER);
		return;
	}
	if (proto != IPPROTO_TCP)
		return;
	if (state == TCP_LISTEN) {
		learn_listener(sk, netns, &own.owner);
		scan_emit(sk, &own, XC_SOCK_LISTEN);
		return;
	}
	if (state == TCP_CLOSE)
		return;
	/* No record: the owner waits in the map until something goes wrong with the socket. */
	if (!xc_own_find(sk))
		xc_own_remember(sk, &own);
}

SEC("iter/task_file")
int scan_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *sock;
	struct sock *sk;

	if (!task || !file)
		return 0;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	sock = BPF_CORE_READ(file, private_data);
	sk = sock ? BPF_CORE_READ(sock, sk) : NULL;
	if (sk)
		on_held_socket(sk, task);
	return 0;
}

SEC("iter/tcp")
int scan_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock *sk = (struct sock *)ctx->sk_common;
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	struct xc_sock_own *own;
	u8 state;

	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (!xc_is_full(state))
		return 0;
	if (state == TCP_LISTEN) {
		if (BPF_CORE_READ(sk, sk_ack_backlog) > BPF_CORE_READ(sk, sk_max_ack_backlog) ||
		    BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter) >=
			    (int)BPF_CORE_READ(sk, sk_max_ack_backlog))
			scan_emit(sk, NULL, XC_SOCK_LISTEN);
		return 0;
	}
	if (BPF_CORE_READ(icsk, icsk_pending) != ICSK_TIME_PROBE0)
		return 0;
	own = xc_own_find(sk);
	if (own || !xc_has_process_scope())
		scan_emit(sk, own, XC_SOCK_SCAN);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
