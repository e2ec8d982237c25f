/* SPDX-License-Identifier: Apache-2.0 */
#include "source/fit.h"

#include "base/scope.h"

#include <string.h>
#include <time.h>

/* Drops that belong to normal operation; by name, since the numbers move. */
static const char *const ignored[] = {
	"SKB_NOT_DROPPED_YET",
	"SKB_CONSUMED",
	"SKB_DROP_REASON_SOCKET_CLOSE",
	"SKB_DROP_REASON_QUEUE_PURGE",
	"SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST",
	"SKB_DROP_REASON_PACKET_SOCK_ERROR",
	"SKB_DROP_REASON_UNIX_DISCONNECT",
	"SKB_DROP_REASON_UNIX_SKIP_OOB",
	"SKB_DROP_REASON_TCP_OLD_DATA",
	"SKB_DROP_REASON_TCP_OFOMERGE",
	"SKB_DROP_REASON_TCP_OLD_ACK",
	"SKB_DROP_REASON_TCP_RESET",
	"SKB_DROP_REASON_TCP_CLOSE",
	"SKB_DROP_REASON_TCP_RFC7323_PAWS_ACK",
	"SKB_DROP_REASON_TCP_RFC7323_TSECR",
	"SKB_DROP_REASON_DUP_FRAG",
	"SKB_DROP_REASON_UNHANDLED_PROTO",
};

/* Somebody decided that the packet shall not pass: a rule, a program, a limiter. */
static const char *const policies[] = {
	"SKB_DROP_REASON_NETFILTER_DROP",    "SKB_DROP_REASON_TC_INGRESS",
	"SKB_DROP_REASON_TC_EGRESS",	     "SKB_DROP_REASON_XDP",
	"SKB_DROP_REASON_BPF_CGROUP_EGRESS", "SKB_DROP_REASON_SOCKET_FILTER",
	"SKB_DROP_REASON_SECURITY_HOOK",     "SKB_DROP_REASON_XFRM_POLICY",
	"SKB_DROP_REASON_QDISC_DROP",
};

static bool is_among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static enum xc_reason_action action_of(const char *name)
{
	if (is_among(ignored, ARRAY_SIZE(ignored), name))
		return XC_REASON_IGNORE;
	if (is_among(policies, ARRAY_SIZE(policies), name))
		return XC_REASON_POLICY;
	return strcmp(name, "SKB_DROP_REASON_NOT_SPECIFIED") ? XC_REASON_KEEP : XC_REASON_BY_PLACE;
}

static void on_drop_reason(void *arg, const char *name, uint32_t value)
{
	struct xc_probe_cfg *cfg = arg;

	if (value < XC_REASON_MAX)
		cfg->reason_action[value] = (uint8_t)action_of(name);
	if (!strcmp(name, "SKB_DROP_REASON_NOT_SPECIFIED"))
		cfg->reason_not_specified = value;
	else if (!strcmp(name, "SKB_DROP_REASON_NO_SOCKET"))
		cfg->reason_no_socket = value;
	else if (!strcmp(name, "SKB_DROP_REASON_SOCKET_FILTER"))
		cfg->reason_socket_filter = value;
	else if (!strcmp(name, "SKB_DROP_REASON_TCP_OLD_SEQUENCE"))
		cfg->reason_old_sequence = value;
}

void xc_fit_kernel(const struct xc_kernel *kernel, struct xc_probe_cfg *cfg)
{
	struct timespec tick = { 0 };

	cfg->has_sock_cookie = xc_kernel_has_func(kernel, "bpf_get_socket_ptr_cookie");
	cfg->has_task_btf = xc_kernel_has_func(kernel, "bpf_get_current_task_btf");
	cfg->has_snprintf = xc_kernel_has_func(kernel, "bpf_snprintf");
	cfg->has_reasons = xc_kernel_tp_args(kernel, "kfree_skb") >= 3;
	/* the coarse clock moves once a jiffy */
	(void)clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	cfg->hz = tick.tv_nsec ? (uint32_t)(1000000000 / tick.tv_nsec) : 250;
	memset(cfg->reason_action, XC_REASON_KEEP, sizeof(cfg->reason_action));
	(void)xc_kernel_enum(kernel, "skb_drop_reason", on_drop_reason, cfg);
	if (!cfg->has_reasons)
		cfg->reason_action[cfg->reason_not_specified] = XC_REASON_BY_PLACE;
}
