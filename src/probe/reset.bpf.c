/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* RSTs this host sends, with the reason the stack gives (6.10) and what they answer. */
#include "abi/sock.h"
#include "probe/packet.bpf.h"

#define NO_REASON 0xffff

static __always_inline void fill_sock(struct xc_reset_evt *e, struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	e->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (!xc_is_full(e->state))
		return;
	e->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	e->unread_bytes = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);
}

static __always_inline int on_reset(struct sock *sk, const struct sk_buff *skb, u32 reason)
{
	struct xc_reset_evt *e;
	struct pkt k = { 0 };
	u32 netns;

	netns = sk ? xc_sk_netns(sk) : skb ? xc_skb_netns(skb) : 0;
	if (!xc_netns_in_scope(netns))
		return 0;
	if (skb) {
		if (!xc_skb_parse(skb, &k))
			return 0;
	} else if (sk) {
		xc_sk_tuple(sk, &k.tuple);
		k.tuple.proto = IPPROTO_TCP;
		if (!k.tuple.sport_he)
			k.tuple.sport_he =
				bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	}
	if (!xc_packet_in_scope(&k.tuple)) {
		xc_count(XC_STAT_OUT_OF_SCOPE);
		return 0;
	}
	e = xc_reserve(XC_EVT_RESET, sizeof(*e));
	if (!e)
		return 0;
	e->netns = netns;
	e->reason = reason;
	e->tuple = k.tuple;
	if (skb)	/* the trigger says who is answered: our side is where that segment went */
		xc_tuple_turn(&e->tuple);
	e->trigger_flags = skb ? k.tcp_flags : 0;
	e->trigger_seq = k.seq;
	if (sk)
		fill_sock(e, sk);
	/* close() and disconnect() set CLOSE before they reset: that is process context. The
	 * timers that reset (keep-alive, memory) leave the state as it was. */
	if (!skb && e->state == TCP_CLOSE)
		xc_owner_current(&e->owner);
	xc_submit(e);
	return 0;
}

SEC("tp_btf/tcp_send_reset")	/* 6.10 */
int BPF_PROG(reset_reason, struct sock *sk, struct sk_buff *skb, u32 reason)
{
	return on_reset(sk, skb, reason);
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_plain, struct sock *sk, struct sk_buff *skb)
{
	return on_reset(sk, skb, NO_REASON);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
