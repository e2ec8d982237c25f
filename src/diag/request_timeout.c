/* SPDX-License-Identifier: Apache-2.0 */
/* The client waited for an answer, none began, and it closed the connection. */
#include "diag/pattern.h"
#include "diag/request.h"

#include "base/scope.h"

#include <stdio.h>
#include <string.h>

#define MIN_WAIT_NS                                                                                \
	1000000000ull /* who closes sooner has mostly lost interest: a race won elsewhere */

/* Requests that wait for something to happen; to give one up is their end, not a failure. */
static bool is_subscription(const struct xc_request_fact *r)
{
	static const struct {
		const char *protocol, *methods;	/* between blanks */
	} waits[] = {
		{ "redis",
		  " BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP BZPOPMIN BZPOPMAX BZMPOP XREAD XREADGROUP SUBSCRIBE PSUBSCRIBE SSUBSCRIBE WAIT WAITAOF MONITOR " },
		{ "kafka", " Fetch JoinGroup SyncGroup " },
		{ "mongodb", " hello isMaster ismaster getMore " },
	};
	char word[sizeof(r->method) + 2];

	(void)snprintf(word, sizeof(word), " %s ", r->method);
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		if (!strcmp(waits[i].protocol, r->protocol) && strstr(waits[i].methods, word))
			return true;
	return !strcmp(r->protocol, "websocket") || !strcmp(r->protocol, "nats") ||
	       !strcmp(r->protocol, "amqp");
}

static bool is_path_in_trouble(const struct xc_case *c)
{
	return xc_decisive_drop(c) || c->client.n_retrans || c->server.n_retrans || c->n_icmps ||
	       c->n_neighs || c->client.stuck_ns;
}

/* What is known of the process that should have answered. */
static void state_server(const struct xc_case *c, struct xc_opinion *o, uint64_t ts_ns)
{
	const struct xc_listener_fact *l = xc_fitting_listener(c);
	const char *state;
	char key[64], who[XC_WORDS];

	if (!l)
		return;
	(void)xc_owner_words(&l->owner, who);
	if (l->accept_queue)
		xc_for(o, XC_STRONG, ts_ns, "tcp_sock", "%u connections wait for %s to accept them",
		       l->accept_queue, who);
	(void)snprintf(key, sizeof(key), XC_NOTE_PROCESS "%u", l->owner.tgid);
	state = xc_case_note(c, key);
	if (!state)
		return;
	if (state[0] == 'T' || state[0] == 't') {
		xc_for(o, XC_STRONG, ts_ns, "/proc/PID/stat", "%s is stopped (state %c)", who,
		       state[0]);
		xc_details(o, "%s is stopped: its sockets still take data, but it runs no code.",
			   who);
		xc_fix(o,
		       "Let it go on (`kill -CONT %u`), and find out who stopped it: a SIGSTOP, a debugger, a frozen cgroup.",
		       l->owner.tgid);
	} else if (state[0] == 'D') {
		xc_for(o, XC_WEAK, ts_ns, "/proc/PID/stat",
		       "%s waits in the kernel, mostly for a disk (state D)", who);
	}
}

static bool request_timeout_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_request_fact *r = xc_request_cut_short(c);
	char words[96], server[XC_WORDS];
	double waited_s;

	if (!r || r->is_begun || is_subscription(r) || r->given_up_ns < r->first_ns + MIN_WAIT_NS)
		return false;
	waited_s = (double)(r->given_up_ns - r->first_ns) / 1e9;
	(void)xc_server_words(c, server);
	xc_for(o, XC_DECISIVE, r->given_up_ns, xc_request_hook,
	       "%s was sent; after %.2f s without a byte of an answer the client closed the connection",
	       xc_request_words(r, words, sizeof(words)), waited_s);
	state_server(c, o, r->given_up_ns);
	if (is_path_in_trouble(c))
		xc_against(o, XC_AGAINST * 2, "packets of the connection are lost on their way");
	xc_summary(o, "%s did not answer %s within %.1f s", server, words, waited_s);
	xc_subject(o, "no answer in time from %s", server);
	if (!o->fix[0])
		xc_fix(o,
		       "The network carried the request. Look at what the server does with it: its log, its workers, and what it waits for itself; or let the client wait longer than %.1f s.",
		       waited_s);
	return true;
}

const struct xc_pattern xc_pattern_request_timeout = {
	.id = "request-timeout",
	.name = "Request Timeout",
	.layer = XC_LAYER_L7,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The server took the request and did not answer before the client gave up.",
	.fix = "Look at what the server was doing, and at the client's time-out.",
	.match = request_timeout_match,
};
