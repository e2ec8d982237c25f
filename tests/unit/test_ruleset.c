/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edge to the kernel's rulesets, in a network namespace of our own: reading,
 * freshness, counters, the trace. Skipped without the privilege to make one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/netns.h"
#include "base/scope.h"
#include "meta/nft_dump.h"
#include "meta/ruleset.h"
#include "meta/run.h"
#include "meta/trace_rule.h"
#include "test_ruleset_packet.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define UDP9 "udp 127.0.0.1|4000 127.0.0.1|9 iif=lo"

static int home = -1;	/* the namespace the test was started in */
static int here = -1;	/* the one it has made */

static void nft(const char *command)
{
	_cleanup_free_ char *out = NULL;
	int r = xc_nft_command(command, 0, &out);

	if (r)
		fail_msg("nft %s: %s", command, strerror(-r));
}

static void send_udp(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
}

static int set_up(void **state)
{
	_cleanup_close_ int fd = -1;
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	(void)state;
	here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return ioctl(fd, SIOCSIFFLAGS, &ifr);
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(here);
	(void)close(home);
	return 0;
}

static int flush(void **state)
{
	(void)state;
	nft("flush ruleset");
	return 0;
}

static void test_name(void **state)
{
	struct xc_ruleset *rs = xc_ruleset_new();
	struct xc_packet p = packet(UDP9);
	struct xc_rule r[4];

	(void)state;
	assert_int_equal(xc_ruleset_name(rs, -1, 1, &p, r, 4), 0);
	nft("table inet f {\nchain in {\ntype filter hook input priority 0;\n"
	    "udp dport { 9, 10 } counter reject comment \"no\"\n}\n}\n");
	assert_int_equal(xc_ruleset_name(rs, -1, 1, &p, r, 4), 1);	/* the change was noticed */
	assert_string_equal(r[0].table, "inet f");
	assert_string_equal(r[0].text, "udp dport { 9, 10 } counter reject comment \"no\"");
	assert_int_equal(r[0].verdict, XC_VERDICT_REJECT);
	nft("flush chain inet f in");
	assert_int_equal(xc_ruleset_name(rs, -1, 1, &p, r, 4), 0);
	nft("table ip g {\nchain in {\ntype filter hook input priority -1; policy drop;\n}\n}\n");
	assert_int_equal(xc_ruleset_name(rs, -1, 1, &p, r, 4), 1);
	assert_true(r[0].is_policy);
	assert_int_equal(xc_ruleset_name(rs, -1, 1, &p, r, 0), 1);	/* nothing stored */
	xc_ruleset_free(rs);
}

/* From another namespace, and back; the same inode number for another one is noticed. */
static void test_namespace(void **state)
{
	struct xc_ruleset *rs = xc_ruleset_new();
	_cleanup_(xc_netns_leave) struct xc_netns_visit visit = { -1 };
	struct xc_packet p = packet(UDP9);
	struct xc_nft_state before, after;
	struct xc_rule r[4];

	(void)state;
	nft("table ip g {\nchain in {\ntype filter hook input priority -1; policy drop;\n}\n}\n");
	assert_int_equal(xc_netns_enter(home, &visit), 0);
	assert_true(visit.back_fd >= 0);
	assert_int_equal(xc_nft_state(&before), 0);
	assert_int_equal(xc_ruleset_name(rs, here, 1, &p, r, 4), 1);
	assert_int_equal(xc_nft_state(&after), 0);
	assert_true(before.cookie == after.cookie);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(xc_ruleset_name(rs, -1, 1, &p, r, 4), 0);
	for (uint32_t i = 2; i < 40; i++)	/* more namespaces than are kept */
		assert_int_equal(xc_ruleset_name(rs, here, i, &p, r, 4), 1);
	xc_ruleset_free(rs);
}

static void test_counted(void **state)
{
	struct xc_ruleset *rs = xc_ruleset_new();
	struct xc_packet p = packet(UDP9);
	struct xc_rule r[4];
	struct xc_rule_list list = { r, 0 };
	int n;

	(void)state;
	nft("table inet f {\nchain in {\ntype filter hook input priority 0;\n"
	    "udp dport 9 ip dscp cs7 counter drop\nudp dport 9 ip dscp cs0 counter drop\n}\n}\n");
	n = xc_ruleset_name(rs, -1, 1, &p, r, 4);
	assert_int_equal(n, 2);
	list.n = (size_t)n;
	assert_int_equal(xc_ruleset_counted(rs, -1, 1, &p, &list), 0);	/* nothing moved */
	send_udp(9);
	assert_int_equal(xc_ruleset_counted(rs, -1, 1, &p, &list), 1);
	assert_string_equal(r[0].text, "udp dport 9 ip dscp cs0 counter drop");
	assert_int_equal(r[0].how, XC_RULE_COUNTED);
	assert_int_equal(r[0].packets, 1);
	xc_ruleset_free(rs);
}

static bool run(const char *program, const char *const *args)
{
	struct xc_buf out = xc_buf(4096);
	char *argv[16] = { (char *)program };
	int r;

	for (size_t i = 0; i < 14 && args[i]; i++)
		argv[i + 1] = (char *)args[i];
	r = xc_run(argv, &out, 5000);
	xc_buf_done(&out);
	return r == 0;
}

static void iptables(const char *program, const char *engine)
{
	static const char *const add[] = {
		"-w", "-A",	"INPUT",    "-p", "udp", "--dport", "9",
		"-m", "length", "--length", "29", "-j",	 "DROP",    NULL
	};
	struct xc_ruleset *rs = xc_ruleset_new();
	struct xc_packet p = packet(UDP9 " len=29");
	struct xc_rule r[4];

	assert_int_equal(xc_ruleset_name(rs, -1, 1, &p, r, 4), 0);
	if (!run(program, add)) {
		xc_ruleset_free(rs);
		skip();		/* not installed, or this kernel has no such tables */
	}
	assert_int_equal(xc_ruleset_name(rs, -1, 1, &p, r, 4), 1);
	assert_string_equal(r[0].engine, engine);
	assert_string_equal(r[0].table, "ip filter");
	assert_string_equal(r[0].chain, "INPUT");
	assert_non_null(strstr(r[0].text, "--length 29"));
	assert_int_equal(r[0].handle, 1);
	xc_ruleset_free(rs);
}

static void test_iptables_nft(void **state)
{
	(void)state;
	iptables("iptables-nft", "iptables-nft");
}

/* Last of those that send packets: its tables stay. */
static void test_iptables_legacy(void **state)
{
	(void)state;
	iptables("iptables-legacy", "iptables-legacy");
}

static void test_trace(void **state)
{
	struct xc_ruleset *rs = xc_ruleset_new();
	struct xc_packet p = packet(UDP9);
	struct xc_trace *t = NULL, *second = NULL;
	struct xc_rule r, none[1];
	int got = 0;

	(void)state;
	nft("table inet crosscut_trace { }");	/* as a killed run on an old kernel leaves it */
	assert_int_equal(xc_trace_clean(-1), 0);
	assert_int_equal(xc_trace_clean(-1), 0);
	nft("table inet f {\nchain in {\ntype filter hook input priority 0;\n"
	    "udp dport 9 reject\n}\n}\n");
	assert_int_equal(xc_trace_start(-1, &p, &t), 0);
	assert_int_equal(xc_trace_start(-1, &p, &second), -EBUSY);
	assert_int_equal(xc_trace_read(t, &r), 0);
	send_udp(8);
	assert_int_equal(xc_trace_read(t, &r), 0);
	send_udp(9);
	for (int i = 0; i < 10 && got == 0; i++)
		got = xc_trace_read(t, &r);
	assert_int_equal(got, 1);
	xc_trace_stop(t);
	assert_int_equal(r.how, XC_RULE_TRACED);
	assert_int_equal(xc_ruleset_describe(rs, -1, 1, &r), 1);
	assert_string_equal(r.text, "udp dport 9 reject");
	assert_int_equal(r.verdict, XC_VERDICT_REJECT);
	assert_int_equal(xc_trace_rule(-1, &p, 20, &r), 0);
	/* All is removed: the user's table alone answers. */
	assert_int_equal(xc_ruleset_name(rs, -1, 1, &p, none, 1), 1);
	r.handle = 0;
	(void)snprintf(r.table, sizeof(r.table), "inet crosscut_trace");
	assert_int_equal(xc_ruleset_describe(rs, -1, 1, &r), 0);
	xc_ruleset_free(rs);
}

static void test_no_privilege(void **state)
{
	struct xc_ruleset *rs = xc_ruleset_new();
	struct xc_packet p = packet(UDP9);
	struct xc_trace *t = NULL;
	int named, moved, traced, cleaned;
	struct xc_rule r[1];

	(void)state;
	assert_int_equal(seteuid(65534), 0);
	named = xc_ruleset_name(rs, -1, 1, &p, r, 1);
	moved = xc_ruleset_name(rs, home, 1, &p, r, 1);
	traced = xc_trace_start(-1, &p, &t);
	cleaned = xc_trace_clean(-1);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(named, -EPERM);
	assert_int_equal(moved, -EPERM);
	assert_int_equal(traced, -EPERM);
	assert_int_equal(cleaned, -EPERM);
	xc_ruleset_free(rs);
}

static void test_run(void **state)
{
	static const struct {
		const char *what;
		char *argv[4];
		int timeout_ms, want;
	} rows[] = {
		{ "not there", { "no-such-program-here", NULL }, 1000, -ENOENT },
		{ "fails", { "false", NULL }, 1000, -EIO },
		{ "too long", { "sleep", "30", NULL }, 20, -ETIMEDOUT },
		{ "too much", { "yes", NULL }, 5000, -EFBIG },
		{ "fine", { "echo", "x", NULL }, 5000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xc_buf out = xc_buf(1000);
		int r = xc_run(rows[i].argv, &out, rows[i].timeout_ms);

		if (r != rows[i].want)
			fail_msg("%s: %d", rows[i].what, r);
		xc_buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_name, flush),
		cmocka_unit_test_teardown(test_namespace, flush),
		cmocka_unit_test_teardown(test_counted, flush),
		cmocka_unit_test_teardown(test_iptables_nft, flush),
		cmocka_unit_test_teardown(test_trace, flush),
		cmocka_unit_test(test_no_privilege),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_iptables_legacy),
	};
	struct xc_nft_state st;

	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET) || xc_nft_state(&st)) {
		printf("1..0 # SKIP needs root and nftables\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
