/* SPDX-License-Identifier: Apache-2.0 */
#include "core/privilege.h"

#include "base/log.h"
#include "base/scope.h"

#include <cap-ng.h>
#include <errno.h>
#include <sys/prctl.h>

const struct xc_privilege xc_privileges[] = {
	{ "CAP_BPF", CAP_BPF, true, "BPF programs and maps cannot be made" },
	{ "CAP_PERFMON", CAP_PERFMON, true, "tracepoints cannot be attached" },
	{ "CAP_NET_ADMIN", CAP_NET_ADMIN, true,
	  "cgroup programs and firewall rules cannot be read" },
	{ "CAP_NET_RAW", CAP_NET_RAW, false,
	  "ICMP errors that arrive are seen only through the sockets they hit" },
	{ "CAP_SYS_ADMIN", CAP_SYS_ADMIN, false,
	  "other network namespaces: no sysctls, counters, rules and scans there; BPF programs keep their numbers only" },
	{ "CAP_SYS_PTRACE", CAP_SYS_PTRACE, false,
	  "namespaces of other users' processes are not found" },
	{ "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH, false,
	  "cgroups are told by number, not by path" },
	{ "CAP_SYSLOG", CAP_SYSLOG, false, "kernels before 5.13: places of drops stay nameless" },
};

const size_t xc_n_privileges = ARRAY_SIZE(xc_privileges);

bool xc_privilege_has(int capability)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_get_caps_process())
		return false;
	return capng_have_capability(CAPNG_EFFECTIVE, (unsigned int)capability);
}

int xc_privilege_check(void)
{
	char missing[128] = "";
	size_t n = 0;

	for (size_t i = 0; i < xc_n_privileges; i++)
		if (xc_privileges[i].is_required && !xc_privilege_has(xc_privileges[i].capability))
			n += (size_t)snprintf(missing + n, sizeof(missing) - n, "%s%s",
					      n ? ", " : "", xc_privileges[i].name);
	if (!n)
		return 0;
	(void)xc_err(
		0,
		"missing %s: run as root, or give the binary cap_bpf,cap_perfmon,cap_net_admin (setcap); a recording (-r FILE) needs none",
		missing);
	return -EPERM;
}

void xc_privilege_drop(void)
{
	bool had[32];

	for (size_t i = 0; i < xc_n_privileges; i++)
		had[i] = xc_privilege_has(xc_privileges[i].capability);
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < xc_n_privileges; i++)
		if (had[i])
			(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
					   (unsigned int)xc_privileges[i].capability);
	if (capng_apply(CAPNG_SELECT_CAPS))
		(void)xc_warn(0, "could not give back the capabilities that are not needed");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		(void)xc_warn(-errno, "no_new_privs");
}
