/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A case: everything known about one flow that is in trouble, gathered from all layers
 * and oriented from the client (who began) to the server. Patterns look at nothing else.
 * Plain values: conn/ fills it, diag/ reads it.
 */
#pragma once

#include "abi/host.h"
#include "abi/packet.h"
#include "abi/path.h"
#include "abi/sock.h"
#include "model/net.h"
#include "model/reason.h"
#include "model/request.h"

#define XC_CASE_DROPS 8
#define XC_CASE_RESETS 4
#define XC_CASE_ICMPS 4
#define XC_CASE_ROUTES 2
#define XC_CASE_NEIGHS 3
#define XC_CASE_RULES 4
#define XC_CASE_PROCS 2
#define XC_CASE_NOTES 8
#define XC_CASE_LISTENERS 4
#define XC_CASE_REQUESTS 4

/* What became of the flow. */
enum xc_outcome {
	XC_OUTCOME_PENDING,	/* not decided yet */
	XC_OUTCOME_RECOVERED,	/* it works after all */
	XC_OUTCOME_REFUSED,	/* connect() failed with an error of its own */
	XC_OUTCOME_GAVE_UP,	/* the application closed a socket that was still connecting */
	XC_OUTCOME_BROKEN,	/* an established connection died of an error */
	XC_OUTCOME_CLOSED,	/* the socket is gone, without an error */
	_XC_OUTCOME_MAX,
};

/* One end, as its socket tells it. */
struct xc_side {
	bool is_seen;		/* a socket of this end is in scope */
	bool has_error;		/* last.sk_err or the errno of the record that ended it */
	bool is_owner_listeners;	/* owner is that of the listening socket */
	uint32_t netns;
	uint64_t first_ns;	/* first snapshot */
	uint64_t last_ns;
	struct xc_owner owner;
	struct xc_sock_evt last;	/* newest snapshot */
	uint32_t n_retrans;	/* data or FIN segments resent */
	uint32_t n_retrans_full;	/* of these: a full MSS */
	uint32_t n_retrans_small;
	uint32_t n_fin_retrans;	/* of n_retrans: those with FIN */
	uint32_t n_synack_retrans;
	uint32_t n_err_ebusy;	/* resends that still waited for the neighbour (-EBUSY) */
	uint32_t n_err_eperm;	/* resends that a local filter refused (-EPERM) */
	uint32_t n_rst_rcvd;
	uint64_t first_retrans_ns;
	uint64_t second_retrans_ns;
	uint32_t first_una;	/* snd_una at the first retransmission: has it moved since? */
	uint32_t first_total_retrans;	/* likewise: this one included */
	uint64_t first_full_ns;	/* retransmission of a full segment */
	uint64_t second_full_ns;
	uint32_t full_seq;	/* sequence number of the last full segment resent */
	uint32_t n_full_seqs;	/* different ones */
	uint64_t died_ns;	/* its process died of a signal with the socket open; 0 = no */
	uint64_t stuck_ns;	/* first seen with a shut peer window, 0 = never */
};

struct xc_drop_fact {
	struct xc_drop_evt e;
	const char *name;	/* of the reason; never NULL */
	enum xc_drop why;
	bool to_server;		/* the packet went from client to server */
	bool is_by_place;	/* no reason from this kernel: why is told from the function that dropped */
	uint32_t n_seqs;	/* different sequence numbers dropped, up to 3 */
};

struct xc_reset_fact {
	struct xc_reset_evt e;
	const char *name;	/* of the reason; never NULL */
	enum xc_rst why;
	bool by_server;
};

struct xc_icmp_fact {
	struct xc_icmp_evt e;
	bool to_client;		/* quotes a packet of the client */
	uint32_t count;
};

/* A socket that listens on the port the client asked for, whatever its address. */
struct xc_listener_fact {
	uint8_t addr[16];
	uint32_t netns;
	struct xc_owner owner;
	uint32_t accept_queue;
	uint32_t accept_max;
	uint32_t request_queue;
	uint64_t full_ns;	/* last time it was seen full; 0 = never */
	uint64_t full_since_ns;	/* first time of that spell */
	uint64_t since_ns;	/* when listen() was called; 0 = before crosscut */
	uint64_t gone_ns;	/* when it stopped listening; 0 = it still does */
	bool is_v6only;
	bool fits;		/* would take a connection to that address */
};

/* A request that failed, or others just like it. */
struct xc_request_fact {
	const char *protocol;	/* static */
	char method[XC_REQUEST_METHOD];
	char target[128];
	char status_text[XC_REQUEST_STATUS_TEXT];
	char mismatch[16];	/* the other end speaks this instead; empty = the same */
	int32_t status;		/* XC_STATUS_NONE = none */
	enum xc_result result;
	uint32_t n;		/* alike on this connection, this one included */
	uint64_t first_ns;	/* it was sent */
	uint64_t last_ns;	/* it was answered, or given up */
	uint64_t closed_ns;	/* the server ended the connection; 0 = it did not */
	uint64_t given_up_ns;	/* the client ended it before the server did; likewise */
	uint64_t idle_ns;	/* nothing was said before it for so long */
	uint32_t n_answered;	/* requests before it on this connection */
	uint32_t n_retries;	/* it was sent again so often */
	bool is_reset;		/* the connection ended by RST */
	bool is_begun;		/* some of the answer had come */
	bool by_server;		/* a notice of the server (an alert) */
};

struct xc_case {
	struct xc_tuple tuple;	/* s* = client, d* = server */
	struct xc_tuple translated;	/* the same flow behind NAT; proto 0 = none seen */
	struct xc_tuple
		instead; /* its client went on with this one, at an address of the other family; likewise */
	uint64_t first_ns;	/* first evidence */
	uint64_t now_ns;	/* record time of this look */
	uint64_t ended_ns;	/* when the outcome was reached */
	uint64_t waited_ns;	/* connect() to now or to the end; 0 = not known */
	enum xc_outcome outcome;
	int error;		/* errno the application sees; 0 = none or not known */
	bool is_overdue;	/* still connecting, without an answer for longer than --syn-timeout */
	bool is_neigh_overdue;	/* a next hop has not answered for longer than --arp-timeout */
	bool is_listener;	/* about a listening socket as a whole, not one connection */
	bool is_packets_only;	/* from a capture: no kernel and no process told anything */

	struct xc_side client;
	struct xc_side server;
	uint32_t n_syn_retrans;
	bool was_established;

	uint32_t n_drops, n_resets, n_icmps, n_routes, n_neighs, n_rules, n_procs, n_notes,
		n_listeners, n_requests;
	struct xc_drop_fact drops[XC_CASE_DROPS];
	struct xc_reset_fact resets[XC_CASE_RESETS];
	struct xc_icmp_fact icmps[XC_CASE_ICMPS];
	struct xc_route_evt routes[XC_CASE_ROUTES];
	struct xc_denied_evt denied;	/* by 0 = none */
	struct xc_neigh_evt neighs[XC_CASE_NEIGHS];	/* of next hops of this flow */
	struct xc_rule_evt rules[XC_CASE_RULES];
	struct xc_proc_evt procs[XC_CASE_PROCS];	/* OOM or exit of the server's process */
	struct xc_note_evt notes[XC_CASE_NOTES];
	struct xc_listener_fact listeners[XC_CASE_LISTENERS];
	struct xc_request_fact requests[XC_CASE_REQUESTS];
	struct xc_counters_evt counters;	/* of the server's namespace, last 10 s; netns 0 = none */
	uint64_t counters_first_ns;	/* when they began to move */

	bool has_server_view;	/* the server's namespace is watched */
	uint64_t lost;		/* records lost while this case was open */
};

/** The flow as its server sees it: behind NAT where there is one. */
const struct xc_tuple *xc_case_at_server(const struct xc_case *c);

/** First drop with reason @why at or after index *@i; advances *@i past it. NULL = no more. */
const struct xc_drop_fact *xc_case_next_drop(const struct xc_case *c, enum xc_drop why, size_t *i);

/** First drop with reason @why, or NULL. */
const struct xc_drop_fact *xc_case_drop(const struct xc_case *c, enum xc_drop why);

/** First reset sent for @why, or NULL. */
const struct xc_reset_fact *xc_case_reset(const struct xc_case *c, enum xc_rst why);

/** Value of a note by key ("sysctl net.core.somaxconn"), or NULL. */
const char *xc_case_note(const struct xc_case *c, const char *key);

/** The rule found for a drop, or NULL. */
const struct xc_rule_evt *xc_case_rule(const struct xc_case *c, const struct xc_drop_fact *d);

/** The flow that lost the packet: as its client sends it, or inside the tunnel. Borrowed from @e. */
const struct xc_tuple *xc_drop_flow(const struct xc_drop_evt *e, enum xc_drop why);

/** The packet is part of ARP or neighbour discovery: nexthop is the address it is about. */
bool xc_is_neighbour_message(const struct xc_drop_evt *e);

/** Who asks in a neighbour message; borrowed from @e. */
const uint8_t *xc_neighbour_asker(const struct xc_drop_evt *e);

/** A SYN of the client was repeated and nothing came back: no SYN-ACK, RST or ICMP. */
bool xc_case_is_silent_connect(const struct xc_case *c);

/** Name of the device, or "?" */
const char *xc_dev_or(const char dev[16], const char *otherwise);

/** "PREROUTING" ... "FORWARD"; "?" when not known. */
const char *xc_hook_str(uint8_t hook);
