/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, events out, and what the events look like as JSON and as text. */
#include "xctest.h"

#include "abi/host.h"
#include "abi/segment.h"
#include "core/observer.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>

#define S 1000000000ull
#define MS 1000000ull

/* An observer, what it wrote, and the connection that is told to it. */
struct bed {
	struct xc_config cfg;
	struct xc_eventfile *file;
	struct xc_observer *observer;
	FILE *f;
	char *text;
	size_t len;
	uint64_t now_ns, cookie;
	uint32_t seq[2];
	bool is_inbound;
	struct xc_owner owner;
	uint32_t n_wants;
};

static void on_want(void *arg, const struct xc_segment_want *want)
{
	struct bed *b = arg;

	assert_true(want->cookie != 0);
	b->n_wants++;
}

static void set_up(struct bed *b)
{
	memset(b, 0, sizeof(*b));
	xc_config_default(&b->cfg);
	b->now_ns = 10 * S;
	b->cookie = 5;
	b->seq[0] = 100;
	b->seq[1] = 900;
	b->owner = (struct xc_owner){ .tgid = 42, .uid = 3, .comm = "curl", .cgroup_id = 9 };
}

static void start(struct bed *b, enum xc_output output)
{
	struct xc_eventfile_cfg file = { .format = xc_event_formats[output],
					 .max_waiting = 10000,
					 .max_wait_ns = 10 * S };
	struct xc_observer_cfg cfg = {
		.cfg = &b->cfg, .is_limited = true, .want = on_want, .want_arg = b
	};

	b->f = open_memstream(&b->text, &b->len);
	assert_non_null(b->f);
	file.env.out = b->f;
	assert_int_equal(xc_eventfile_open(&file, &b->file), 0);
	cfg.file = b->file;
	assert_int_equal(xc_observer_new(&cfg, &b->observer), 0);
}

/* Ends it; what was written until then is in b->text. */
static void stop(struct bed *b)
{
	assert_int_equal(xc_observer_end(b->observer), 0);
	xc_observer_free(b->observer);
	assert_int_equal(xc_eventfile_close(b->file), 0);
	assert_int_equal(fclose(b->f), 0);
}

static void say(struct bed *b, bool by_server, const char *text, uint8_t flags)
{
	struct {
		struct xc_segment_evt e;
		char data[2048];
	} r = { .e = { .what = XC_SEGMENT_PACKET } };
	struct xc_segment_evt *e = &r.e;
	size_t n = strlen(text);
	uint8_t client[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 };
	uint8_t server[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 2 };

	assert_true(n <= sizeof(r.data));
	b->now_ns += MS;
	e->hdr = (struct xc_evt){ .ts_ns = b->now_ns,
				  .size_bytes = (uint32_t)(sizeof(*e) + n),
				  .kind = XC_EVT_SEGMENT };
	e->cookie = b->cookie;
	e->tuple = (struct xc_tuple){ .sport_he = by_server ? 80 : 40000,
				      .dport_he = by_server ? 40000 : 80,
				      .proto = IPPROTO_TCP };
	memcpy(e->tuple.saddr, by_server ? server : client, 16);
	memcpy(e->tuple.daddr, by_server ? client : server, 16);
	e->owner = b->owner;
	e->bytes[by_server] = n;
	e->seq = b->seq[by_server];
	e->ack = b->seq[!by_server];
	e->wire_bytes = e->n_bytes = (uint32_t)n;
	e->tcp_flags = flags;
	e->is_outbound = by_server == b->is_inbound;
	memcpy(e->data, text, n);
	b->seq[by_server] += (uint32_t)n + !!(flags & (XC_TCP_SYN | XC_TCP_FIN));
	assert_int_equal(xc_observer_feed(b->observer, &e->hdr), 0);
}

static void shake_hands(struct bed *b)
{
	say(b, false, "", XC_TCP_SYN);
	say(b, true, "", XC_TCP_SYN | XC_TCP_ACK);
}

#define ASK(b, path) say(b, false, "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n", XC_TCP_ACK)
#define ANSWER(b, status)                                                                          \
	say(b, true, "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n", XC_TCP_ACK)

/* The lines as JSON; the number of them is *ret_n. */
static json_t **events_of(const struct bed *b, size_t *ret_n)
{
	static json_t *all[64];
	json_error_t error;

	*ret_n = 0;
	for (char *at = b->text, *end; at && (end = strchr(at, '\n')); at = end + 1) {
		assert_true(*ret_n < ARRAY_SIZE(all));
		all[*ret_n] = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, &error);
		if (!all[(*ret_n)++])
			fail_msg("%s: %.*s", error.text, (int)(end - at), at);
	}
	return all;
}

static void drop(struct bed *b, json_t **all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(all[i]);
	free(b->text);
}

static const char *str(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "(none)";
}

static long long num(const json_t *o, const char *key)
{
	return json_is_integer(json_object_get(o, key)) ?
		       json_integer_value(json_object_get(o, key)) :
		       -1;
}

/* ---- events ---------------------------------------------------------------------------------------- */

static void one_exchange_is_four_events(void **state)
{
	static const char *const types[] = { "connection", "http_request", "http_response",
					     "connection_close" };
	struct bed b;
	json_t **all;
	size_t n;

	(void)state;
	set_up(&b);
	start(&b, XC_OUTPUT_json);
	shake_hands(&b);
	ASK(&b, "/a?secret=1");
	ANSWER(&b, "404 Not Found");
	stop(&b);
	all = events_of(&b, &n);
	assert_int_equal(n, ARRAY_SIZE(types));
	for (size_t i = 0; i < n; i++) {
		char id[40];

		assert_string_equal(str(all[i], "event_type"), types[i]);
		(void)snprintf(id, sizeof(id), "%s-%zu", str(all[0], "connection_id"), i + 1);
		assert_string_equal(str(all[i], "event_id"), id);
		assert_string_equal(str(all[i], "direction"), "outbound");
		assert_string_equal(str(all[i], "command"), "curl");
		assert_int_equal(num(all[i], "pid"), 42);
		assert_string_equal(str(all[i], "src_ip"), "10.0.0.1");
		assert_int_equal(num(all[i], "dst_port"), 80);
		assert_true(json_is_false(json_object_get(all[i], "mock")));
	}
	assert_int_equal(num(all[0], "latency"), MS);
	assert_true(
		json_is_null(json_object_get(json_object_get(all[1], "http_data"), "status_code")));
	assert_string_equal(str(json_object_get(all[1], "http_data"), "query"), "[redacted]");
	assert_int_equal(num(json_object_get(all[2], "http_data"), "status_code"), 404);
	assert_string_equal(str(all[2], "result"), "client_error");
	assert_int_equal(num(all[2], "first_byte_ns"), MS);
	assert_string_equal(str(all[3], "conn_state"), "established");	/* the run ended first */
	drop(&b, all, n);
}

static void every_promised_key_is_there(void **state)
{
	static const char *const keys[] = {
		"event_id",
		"timestamp",
		"event_type",
		"pid",
		"tid",
		"uid",
		"gid",
		"command",
		"protocol",
		"ip_version",
		"src_ip",
		"dst_ip",
		"src_port",
		"dst_port",
		"direction",
		"payload_size",
		"conn_state",
		"bytes_sent",
		"bytes_recv",
		"packets_sent",
		"packets_recv",
		"latency",
		"duration",
		"interface_id",
		"l7_protocol",
		"cgroup_id",
		"pod_uid",
		"kubernetes",
		"security_flags",
	};
	static const char *const http[] = {
		"method",  "url",	 "path",	 "query",	   "status_code",
		"status_text", "headers", "user_agent",	 "content_type",   "content_length",
		"host",	   "version",	 "response_time", "is_request",	   "is_response",
	};
	struct bed b;
	json_t **all;
	size_t n;

	(void)state;
	set_up(&b);
	start(&b, XC_OUTPUT_json);
	shake_hands(&b);
	ASK(&b, "/");
	stop(&b);
	all = events_of(&b, &n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			assert_row(keys[k], json_object_get(all[i], keys[k]));
	for (size_t k = 0; k < ARRAY_SIZE(http); k++)
		assert_row(http[k], json_object_get(json_object_get(all[1], "http_data"), http[k]));
	drop(&b, all, n);
}

static void fields_given_twice_are_one_member(void **state)
{
	const json_t *headers;
	struct bed b;
	json_t **all;
	size_t n;

	(void)state;
	set_up(&b);
	start(&b, XC_OUTPUT_json);
	shake_hands(&b);
	say(&b, false,
	    "GET / HTTP/1.1\r\nX-A: 1\r\nCookie: c\r\nx-a: 2\r\nX-B: \x1b[31m\"\\\r\n\r\n",
	    XC_TCP_ACK);
	stop(&b);
	all = events_of(&b, &n);
	headers = json_object_get(json_object_get(all[1], "http_data"), "headers");
	assert_string_equal(str(headers, "x-a"), "1, 2");
	assert_string_equal(str(headers, "cookie"), "[redacted]");
	assert_string_equal(str(headers, "x-b"), "\x1b[31m\"\\");
	drop(&b, all, n);
}

static void the_ends_are_told_as_they_are(void **state)
{
	struct bed b;
	json_t **all;
	size_t n;

	(void)state;
	set_up(&b);
	b.is_inbound = true;
	start(&b, XC_OUTPUT_json);
	say(&b, false, "", XC_TCP_SYN);
	say(&b, true, "", XC_TCP_RST | XC_TCP_ACK);
	stop(&b);
	all = events_of(&b, &n);
	assert_int_equal(n, 1);
	assert_string_equal(str(all[0], "event_type"), "connection_close");
	assert_string_equal(str(all[0], "conn_state"), "reset");
	assert_string_equal(str(all[0], "result"), "no_answer");
	assert_string_equal(str(all[0], "direction"), "inbound");
	drop(&b, all, n);
}

static void an_open_request_at_the_end_is_not_a_failure(void **state)
{
	struct bed b;
	json_t **all;
	size_t n;

	(void)state;
	set_up(&b);
	start(&b, XC_OUTPUT_json);
	shake_hands(&b);
	ASK(&b, "/slow");
	stop(&b);
	all = events_of(&b, &n);
	assert_int_equal(n, 4);
	assert_string_equal(str(all[2], "event_type"), "http_response");
	assert_string_equal(str(all[2], "result"), "unknown");
	drop(&b, all, n);
}

static void a_capture_counts_by_itself_and_knows_no_direction(void **state)
{
	struct bed b;
	json_t **all;
	size_t n;

	(void)state;
	set_up(&b);
	b.cookie = 0;
	b.owner = (struct xc_owner){ 0 };
	start(&b, XC_OUTPUT_json);
	shake_hands(&b);
	ASK(&b, "/");
	ANSWER(&b, "200 OK");
	say(&b, false, "", XC_TCP_FIN | XC_TCP_ACK);
	say(&b, true, "", XC_TCP_FIN | XC_TCP_ACK);
	stop(&b);
	all = events_of(&b, &n);
	assert_int_equal(n, 4);
	assert_true(json_is_null(json_object_get(all[3], "direction")));
	assert_true(json_is_null(json_object_get(all[3], "pid")));
	assert_string_equal(str(all[3], "conn_state"), "closed");
	assert_int_equal(num(all[3], "bytes_sent"), 27);
	assert_int_equal(num(all[3], "bytes_recv"), 38);
	assert_int_equal(num(all[3], "packets_sent"), 3);
	assert_int_equal(num(all[3], "packets_recv"), 3);
	assert_int_equal(b.n_wants, 0);
	drop(&b, all, n);
}

/* ---- what is left out -------------------------------------------------------------------------------- */

static size_t count_lines(struct bed *b)
{
	size_t n = 0;

	for (const char *at = b->text; (at = strchr(at, '\n')); at++)
		n++;
	free(b->text);
	return n;
}

static size_t lines_with(void (*change)(struct xc_config *cfg))
{
	struct bed b;

	set_up(&b);
	change(&b.cfg);
	start(&b, XC_OUTPUT_json);
	shake_hands(&b);
	ASK(&b, "/a");
	ANSWER(&b, "200 OK");
	ASK(&b, "/b");
	ANSWER(&b, "500 Broken");
	stop(&b);
	return count_lines(&b);
}

static void nothing(struct xc_config *cfg)
{
	(void)cfg;
}

static void only_errors(struct xc_config *cfg)
{
	cfg->observe.only_errors = true;
}

static void no_http(struct xc_config *cfg)
{
	cfg->observe.with_http = false;
}

static void no_l7(struct xc_config *cfg)
{
	cfg->observe.with_l7 = false;
}

static void no_tcp(struct xc_config *cfg)
{
	cfg->observe.with_tcp = false;
}

static void no_v4(struct xc_config *cfg)
{
	cfg->observe.with_ipv4 = false;
}

static void other_pid(struct xc_config *cfg)
{
	cfg->pid = 43;
}

static void slow_only(struct xc_config *cfg)
{
	cfg->observe.min_latency_ns = 2 * MS;
}

static void two_a_second(struct xc_config *cfg)
{
	cfg->observe.max_events_per_second = 2;
}

static void none_sampled(struct xc_config *cfg)
{
	cfg->observe.sampling_rate = 0;
}

static void three(struct xc_config *cfg)
{
	cfg->observe.count = 3;
}

static void every_switch_does_what_it_says(void **state)
{
	static const struct {
		const char *what;
		void (*change)(struct xc_config *cfg);
		size_t n;
	} rows[] = {
		{ "nothing", nothing, 6 },
		{ "--errors", only_errors, 1 },
		{ "enable_http", no_http, 2 },
		{ "enable_l7_parse", no_l7, 2 },
		{ "enable_tcp", no_tcp, 0 },
		{ "enable_ipv4", no_v4, 0 },
		{ "--pid", other_pid, 0 },
		{ "--min-latency", slow_only, 0 },
		{ "max_events_per_second", two_a_second, 2 },
		/* the failure, and for 30 s all of its destination: the close */
		{ "sampling_rate", none_sampled, 2 },
		{ "--count", three, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].what, lines_with(rows[i].change) == rows[i].n);
}

/* ---- text -------------------------------------------------------------------------------------------- */

static void text_is_one_line_for_an_exchange(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b);
	start(&b, XC_OUTPUT_text);
	shake_hands(&b);
	ASK(&b, "/\x1b[2J");
	ANSWER(&b, "503 Service Unavailable");
	stop(&b);
	assert_int_equal(strcspn(b.text, "\n"), b.len - 1);
	assert_null(strchr(b.text, '\x1b'));
	assert_non_null(strstr(b.text, "out curl[42] "));
	assert_non_null(strstr(b.text, "10.0.0.1:40000 > 10.0.0.2:80"));
	assert_non_null(
		strstr(b.text, "http    GET /\\x1b[2J 503 Service Unavailable  1.00 ms / 1.00 ms"));
	free(b.text);
}

static void damaged_records_are_counted(void **state)
{
	struct xc_segment_evt e = { .hdr = { .kind = XC_EVT_SEGMENT, .size_bytes = sizeof(e) },
				    .what = XC_SEGMENT_PACKET,
				    .wire_bytes = 9,
				    .n_bytes = 9 };
	struct xc_observer_stats stats;
	struct bed b;

	(void)state;
	set_up(&b);
	start(&b, XC_OUTPUT_json);
	assert_int_equal(xc_observer_feed(b.observer, &e.hdr), 0);
	e.hdr.size_bytes = 20;
	assert_int_equal(xc_observer_feed(b.observer, &e.hdr), 0);
	e.what = 77;
	e.hdr.size_bytes = sizeof(e);
	assert_int_equal(xc_observer_feed(b.observer, &e.hdr), 0);
	xc_observer_get_stats(b.observer, &stats);
	assert_int_equal(stats.n_damaged, 2);
	stop(&b);
	free(b.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_exchange_is_four_events),
		cmocka_unit_test(every_promised_key_is_there),
		cmocka_unit_test(fields_given_twice_are_one_member),
		cmocka_unit_test(the_ends_are_told_as_they_are),
		cmocka_unit_test(an_open_request_at_the_end_is_not_a_failure),
		cmocka_unit_test(a_capture_counts_by_itself_and_knows_no_direction),
		cmocka_unit_test(every_switch_does_what_it_says),
		cmocka_unit_test(text_is_one_line_for_an_exchange),
		cmocka_unit_test(damaged_records_are_counted),
	};

	return XC_RUN(tests);
}
