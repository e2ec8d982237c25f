/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_shared(const char *name)
{
	return !strncmp(name, "xc_", 3);
}

int xc_share_fd(const struct xc_share *share, const char *name)
{
	for (size_t i = 0; i < share->n; i++)
		if (!strcmp(share->maps[i].name, name))
			return share->maps[i].fd;
	return -ENOENT;
}

#define LATENCIES_PER_FLOW                                                                         \
	4 /* different ones in a window, in the mean; what is beyond is counted */
#define TRUTHS_MAX 65536	/* made in advance, about 200 bytes each */

static int size_new_map(struct bpf_map *map, const struct xc_probe_env *env)
{
	const char *name = bpf_map__name(map);

	if (!strcmp(name, "xc_events"))
		return bpf_map__set_max_entries(map, env->ring_bytes);
	if (!strcmp(name, "xc_socks"))
		return bpf_map__set_max_entries(map, env->cfg->own_set_mask + 1);
	if (!strcmp(name, "xc_owners"))
		return bpf_map__set_max_entries(map, (env->cfg->own_set_mask + 1) * XC_OWN_WAYS);
	if (!strcmp(name, "xc_streams"))
		return bpf_map__set_max_entries(map, env->max_connections);
	if (!strcmp(name, "xc_policies"))
		return bpf_map__set_max_entries(map, env->max_connections * 2);
	if (!strcmp(name, "xc_flows"))
		return bpf_map__set_max_entries(map, env->max_flows);
	if (!strncmp(name, "xc_latency", 10))
		return bpf_map__set_max_entries(map, env->max_flows * LATENCIES_PER_FLOW);
	if (!strcmp(name, "xc_truth"))
		return bpf_map__set_max_entries(map, env->max_flows < TRUTHS_MAX ? env->max_flows :
										   TRUTHS_MAX);
	return 0;
}

int xc_share_use(struct xc_share *share, struct bpf_object *obj, const struct xc_probe_env *env)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		int fd = xc_share_fd(share, bpf_map__name(map));
		int r;

		if (!is_shared(bpf_map__name(map)))
			continue;
		r = fd >= 0 ? bpf_map__reuse_fd(map, fd) : size_new_map(map, env);
		if (r)
			return r;
	}
	return 0;
}

int xc_share_keep(struct xc_share *share, struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		const char *name = bpf_map__name(map);
		int fd;

		if (!is_shared(name) || xc_share_fd(share, name) >= 0)
			continue;
		if (share->n == XC_SHARE_MAX)
			return -ENOSPC;
		fd = dup(bpf_map__fd(map));
		if (fd < 0)
			return -errno;
		(void)snprintf(share->maps[share->n].name, sizeof(share->maps[0].name), "%s", name);
		share->maps[share->n++].fd = fd;
	}
	return 0;
}

void xc_share_done(struct xc_share *share)
{
	for (size_t i = 0; i < share->n; i++)
		(void)close(share->maps[i].fd);
	share->n = 0;
}

static int on_libbpf_line(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[512];
	int n;

	if (level > LIBBPF_WARN || xc_log_get_level() < XC_LOG_DEBUG)
		return 0;
	n = vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	xc_debug("%s", line);
	return n;
}

void xc_probe_log_libbpf(void)
{
	(void)libbpf_set_print(on_libbpf_line);
}

static void append(char *list, size_t size, const char *separator, const char *what)
{
	size_t n = strlen(list);

	(void)snprintf(list + n, size - n, "%s%s", n ? separator : "", what);
}

void xc_report_missing(struct xc_probe_report *r, const char *what, const char *so)
{
	append(r->missing, sizeof(r->missing), ", ", what);
	if (so)
		append(r->so, sizeof(r->so), "; ", so);
}
