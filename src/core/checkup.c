/* SPDX-License-Identifier: Apache-2.0 */
#include "core/checkup.h"

#include "base/log.h"
#include "base/netns.h"
#include "core/engine.h"
#include "core/privilege.h"
#include "probe/probe.h"
#include "source/host.h"
#include "source/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static struct xc_check *add(struct xc_checkup *c, const char *name, bool is_required)
{
	struct xc_check *k = &c->checks[c->n < XC_CHECKS_MAX ? c->n++ : XC_CHECKS_MAX - 1];

	memset(k, 0, sizeof(*k));
	(void)snprintf(k->name, sizeof(k->name), "%s", name);
	k->is_required = is_required;
	return k;
}

#define SAY(field, ...) ((void)snprintf((field), sizeof(field), __VA_ARGS__))

static void check_kernel(struct xc_checkup *c, const struct xc_kernel *kernel)
{
	struct xc_check *k = add(c, "kernel", true);
	struct utsname u;

	(void)uname(&u);
	SAY(k->text, "Linux %.80s, BTF %s", u.release, kernel->btf ? "present" : "missing");
	if (kernel->btf)
		return;
	k->state = XC_CHECK_NO;
	SAY(k->without, "BPF programs cannot be fitted to this kernel");
	SAY(k->remedy, "use a kernel with CONFIG_DEBUG_INFO_BTF=y (/sys/kernel/btf/vmlinux)");
}

/* The exact command: what is required, and this one. */
static void remedy_of(const struct xc_privilege *p, char *out, size_t size)
{
	char extra[32] = "";

	if (!p->is_required) {
		(void)snprintf(extra, sizeof(extra), ",%s", p->name);
		for (char *s = extra; *s; s++)
			*s = (char)tolower((unsigned char)*s);
	}
	(void)snprintf(
		out, size,
		"run as root, or: setcap 'cap_bpf,cap_perfmon,cap_net_admin%s=ep' $(command -v crosscut)",
		extra);
}

static void check_privileges(struct xc_checkup *c)
{
	for (size_t i = 0; i < xc_n_privileges; i++) {
		const struct xc_privilege *p = &xc_privileges[i];
		struct xc_check *k = add(c, p->name, p->is_required);

		SAY(k->text, "%s", xc_privilege_has(p->capability) ? "held" : "not held");
		if (xc_privilege_has(p->capability))
			continue;
		k->state = p->is_required ? XC_CHECK_NO : XC_CHECK_PART;
		SAY(k->without, "%s", p->without);
		remedy_of(p, k->remedy, sizeof(k->remedy));
	}
}

static void check_probe(struct xc_checkup *c, const struct xc_probe *probe,
			struct xc_probe_env *env, bool is_required)
{
	struct xc_check *k = add(c, probe->name, is_required);
	struct xc_probe_report report = { 0 };
	struct xc_attached *state = NULL;
	int r;

	env->report = &report;
	r = xc_probe_open(probe, env, &state);
	xc_probe_close(state);
	SAY(k->text, "%s", probe->text);
	SAY(k->lacks, "%s", report.missing);
	SAY(k->without, "%s", !r && report.so[0] ? report.so : probe->without);
	if (!r) {
		k->state = report.missing[0] ? XC_CHECK_PART : XC_CHECK_OK;
		if (report.missing[0])
			SAY(k->remedy,
			    "nothing: verdicts that need it say so and are less certain; a newer kernel has it");
		return;
	}
	k->state = XC_CHECK_NO;
	SAY(k->lacks, "%.250s%s%.60s", report.missing, report.missing[0] ? "; " : "", strerror(-r));
	SAY(k->remedy, "needs: %s", probe->needs);
}

static void check_probes(struct xc_checkup *c, const struct xc_kernel *kernel,
			 const struct xc_config *cfg)
{
	struct xc_probe_cfg probe_cfg = { .has_netns_scope = 1 };	/* an empty scope: sees nothing */
	struct xc_share share = { 0 };
	struct xc_probe_env env = {
		.kernel = kernel,
		.cfg = &probe_cfg,
		.share = &share,
		.cgroup_root = xc_cgroup2_root(),
		.ring_bytes = (uint32_t)cfg->buffer_bytes,
		.max_flows = 1024,	/* enough to see whether it loads */
		.max_connections = 1024,
	};

	probe_cfg.has_sock_cookie = xc_kernel_has_func(kernel, "bpf_get_socket_ptr_cookie");
	probe_cfg.has_snprintf = xc_kernel_has_func(kernel, "bpf_snprintf");
	for (size_t i = 0; xc_probes[i]; i++)
		check_probe(c, xc_probes[i], &env, i == 0);
	xc_share_done(&share);
}

static void check_icmp(struct xc_checkup *c)
{
	struct xc_check *k = add(c, "icmp", false);
	_cleanup_close_ int v4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	_cleanup_close_ int v6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);

	SAY(k->text, "ICMP errors that arrive, IPv4 %s, IPv6 %s", v4 >= 0 ? "yes" : "no",
	    v6 >= 0 ? "yes" : "no");
	if (v4 >= 0 && v6 >= 0)
		return;
	k->state = XC_CHECK_PART;
	SAY(k->without, "ICMP errors are seen only through the sockets they hit");
	SAY(k->remedy, "add CAP_NET_RAW");
}

/* ---- a real failure, told for real ------------------------------------------------------------ */

static void loopback_up(void)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (fd >= 0)
		(void)ioctl(fd, SIOCSIFFLAGS, &req);
}

static void connect_to_nobody(void)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (fd >= 0)
		(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
}

struct self_test {
	bool has_seen_refusal;
	bool has_seen_failure;
};

static void on_record(void *arg, const struct xc_evt *e)
{
	struct self_test *t = arg;

	/* to 6.9 a RST without a socket makes no event; the drop of the SYN it answers does */
	t->has_seen_refusal |= e->kind == XC_EVT_RESET || e->kind == XC_EVT_DROP;
	if (e->kind == XC_EVT_SOCK && e->size_bytes >= sizeof(struct xc_sock_evt))
		t->has_seen_failure |= ((const struct xc_sock_evt *)e)->what == XC_SOCK_CLOSED;
}

/* In a child: a namespace of its own, watched by its own source. Returns the exit status. */
static int self_test_child(const struct xc_config *cfg)
{
	static const char *const self[] = { "self" };
	struct self_test seen = { 0 };
	struct xc_source_env env = { .netns = self,
				     .n_netns = 1,
				     .with_failures = true,
				     .on_record = on_record,
				     .arg = &seen,
				     .ring_bytes = (uint32_t)cfg->buffer_bytes,
				     .max_connections = cfg->max_connections };
	void *source = NULL;
	uint64_t until;

	if (unshare(CLONE_NEWNET))
		return 2;
	loopback_up();
	xc_log_set_level(XC_LOG_ERR);
	if (xc_source_live.open(&env, &source))
		return 1;
	(void)xc_source_live.poll(source, 0);
	connect_to_nobody();
	until = xc_now_ns() + 1000000000ull;
	while (!(seen.has_seen_failure && seen.has_seen_refusal) && xc_now_ns() < until)
		(void)xc_source_live.poll(source, xc_now_ns() + 20000000ull);
	xc_source_live.close(source);
	return seen.has_seen_failure && seen.has_seen_refusal ? 0 : 1;
}

/* Attached is not yet seeing: two of the tools crosscut learns from reported healthy and saw nothing. */
static void check_sees(struct xc_checkup *c, const struct xc_config *cfg)
{
	struct xc_check *k = add(c, "self-test", false);
	int status = 0;
	pid_t pid;

	SAY(k->text, "a refused connect in a namespace of its own is seen");
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(self_test_child(cfg));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	k->state = WIFEXITED(status) && WEXITSTATUS(status) == 2 ? XC_CHECK_PART : XC_CHECK_NO;
	if (k->state == XC_CHECK_PART) {
		SAY(k->without, "not tried: making a network namespace needs CAP_SYS_ADMIN");
		SAY(k->remedy, "run crosscut doctor as root once");
	} else {
		k->is_required = true;
		SAY(k->without, "the hooks attach but tell nothing");
		SAY(k->remedy, "report this with the output of crosscut doctor -o json");
	}
}

void xc_checkup_run(const struct xc_config *cfg, struct xc_checkup *ret_checkup)
{
	struct xc_checkup *c = ret_checkup;
	struct xc_kernel kernel = { 0 };

	memset(c, 0, sizeof(*c));
	xc_probe_log_libbpf();
	(void)xc_kernel_open(&kernel);
	check_kernel(c, &kernel);
	check_privileges(c);
	if (kernel.btf) {
		check_probes(c, &kernel, cfg);
		check_icmp(c);
		check_sees(c, cfg);
		xc_kernel_close(&kernel);
	}
	c->works = true;
	for (size_t i = 0; i < c->n; i++)
		c->works &= !(c->checks[i].is_required && c->checks[i].state == XC_CHECK_NO);
}
