/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stands in for peer.bt where bpftrace cannot attach (it needs tracefs): the same tracepoints,
 * one perf event for each, as bpftrace sends them. And an empty program, which tells how much
 * of a program's measured time is the measuring.
 */
#include "probe/kernel.bpf.h"

#include "peer.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} events SEC(".maps");

static __always_inline void send(void *ctx, struct peer_evt *e)
{
	e->tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, e, sizeof(*e));
}

static __always_inline void fill_sock(struct peer_evt *e, const struct sock *sk)
{
	e->saddr_be = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	e->daddr_be = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	e->sport_he = BPF_CORE_READ(sk, __sk_common.skc_num);
	e->dport_be = BPF_CORE_READ(sk, __sk_common.skc_dport);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(peer_state, struct sock *sk, int old, int new)
{
	struct peer_evt e = { .what = PEER_STATE, .a = (u32)old, .b = (u32) new };

	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	fill_sock(&e, sk);
	send(ctx, &e);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(peer_retransmit, struct sock *sk)
{
	struct peer_evt e = { .what = PEER_RETRANSMIT };

	e.a = BPF_CORE_READ(sk, __sk_common.skc_state);
	fill_sock(&e, sk);
	send(ctx, &e);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(peer_send_reset, struct sock *sk)
{
	struct peer_evt e = { .what = PEER_SEND_RESET, .place = (u64)sk };

	send(ctx, &e);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(peer_receive_reset, struct sock *sk)
{
	struct peer_evt e = { .what = PEER_RECEIVE_RESET };

	fill_sock(&e, sk);
	send(ctx, &e);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(peer_drop, struct sk_buff *skb, void *location, u32 reason)
{
	struct peer_evt e = { .what = PEER_DROP, .place = (u64)location, .a = reason };

	if (reason > 2)
		send(ctx, &e);
	return 0;
}

SEC("tp_btf/fib_table_lookup")
int BPF_PROG(peer_no_route, u32 table, const void *flow, const void *nhc, int err)
{
	struct peer_evt e = { .what = PEER_NO_ROUTE };

	if (err < 0)
		send(ctx, &e);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(peer_empty, struct sock *sk)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
