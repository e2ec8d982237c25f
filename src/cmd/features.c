/* SPDX-License-Identifier: Apache-2.0 */
/* features: one row for each flow and window, live or from a capture, for machine learning. */
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/columns.h"
#include "core/export.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

/* ---- what the user has to know afterwards --------------------------------------------------- */

static void tell_losses(const struct xc_export_result *res)
{
	if (res->n_lost_packets)
		(void)xc_warn(0,
			      "%" PRIu64 " packets belong to flows that found no room, in no row; "
			      "raise --max-flows",
			      res->n_lost_packets);
	if (res->n_lost_samples)
		(void)xc_warn(0,
			      "%" PRIu64 " latencies found no room; percentiles are of the others",
			      res->n_lost_samples);
	if (res->n_lost_truths)
		(void)xc_warn(0,
			      "%" PRIu64
			      " retransmissions or drops the kernel told of found no room; "
			      "raise --max-flows",
			      res->n_lost_truths);
	if (res->n_lost_windows)
		(void)xc_warn(0,
			      "%" PRIu64
			      " windows were over before they could be read: their rows are lost",
			      res->n_lost_windows);
	if (res->n_evicted)
		(void)xc_warn(0,
			      "%" PRIu64
			      " flows made room for others; their rows are complete, but they "
			      "count as new when they go on; raise --max-flows",
			      res->n_evicted);
	if (res->is_truncated)
		(void)xc_warn(0, "the capture ends within a packet; what is before it was used");
	if (res->n_cut)
		(void)xc_warn(0, "%" PRIu64 " packets were captured too short to tell their flow",
			      res->n_cut);
	if (res->n_late)
		(void)xc_warn(
			0,
			"%" PRIu64
			" packets are older than the window they are counted in; sort the capture",
			res->n_late);
}

/* What is 0 because it cannot be known, and not because all is well. */
static void tell_gaps(const struct xc_config *cfg, const struct xc_export_result *res)
{
	if (cfg->read[0])
		xc_info("a capture tells nothing of the host: the system columns are %s",
			cfg->missing == XC_MISSING_ZERO ? "0" : "empty");
	else if (!res->has_cpu_limit)
		xc_info("no cgroup here has a CPU limit, so nothing can be throttled: the cpu_throttle "
			"columns are 0; set one (Kubernetes: resources.limits.cpu) to measure it");
	if (!cfg->without_hubble)
		xc_info("Hubble is not read: namespace, pod_name and service_name are empty");
	if (cfg->without_requests)
		xc_info("no payload was read: the columns of requests are %s",
			cfg->missing == XC_MISSING_ZERO ? "0 or empty" : "empty");
}

static void tell_stats(const struct xc_export_result *res)
{
	xc_info("packets: %" PRIu64 " counted, %" PRIu64 " without room, %" PRIu64
		" too short, %" PRIu64 " frames of other protocols",
		res->n_packets, res->n_lost_packets, res->n_cut, res->n_other);
	xc_info("flows: %" PRIu64 " seen, %" PRIu64 " made room for others", res->n_flows,
		res->n_evicted);
}

static void tell(const struct xc_config *cfg, const struct xc_export_result *res)
{
	FILE *to = strcmp(res->path, "-") ? stdout : stderr;

	tell_gaps(cfg, res);
	tell_losses(res);
	if (cfg->with_stats)
		tell_stats(res);
	if (cfg->is_quiet)
		return;
	if (to == stdout)
		(void)fprintf(to, "[OK] Saved to %s\n", res->path);
	(void)fprintf(to, "%" PRIu64 " rows collected, %s%" PRIu64 " flows with retransmissions\n",
		      res->n_rows, res->is_retrans_floor ? "more than " : "", res->n_retrans_flows);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int needs_interface(void)
{
	struct if_nameindex *list = if_nameindex();
	struct xc_buf names = xc_buf(512);

	for (const struct if_nameindex *i = list; i && i->if_index; i++)
		xc_buf_printf(&names, ", %s", i->if_name);
	if (list)
		if_freenameindex(list);
	(void)xc_err(0, "features needs an interface: all%s; or a capture: --read FILE",
		     names.p ? names.p : "");
	xc_buf_done(&names);
	return XC_EXIT_USAGE;
}

static int check_usage(const struct xc_config *cfg, int argc, char **argv)
{
	if (cfg->read[0] && argc)
		return xc_err(0, "'%.40s' and --read exclude each other; leave one out", argv[0]),
		       XC_EXIT_USAGE;
	if (!cfg->read[0] && !argc)
		return needs_interface();
	if (cfg->with_forwarded && (cfg->read[0] || cfg->without_requests))
		return xc_err(0, "--forwarded is about requests, live; leave it out, or %s",
			      cfg->read[0] ? "--read" : "--no-requests"),
		       XC_EXIT_USAGE;
	if (cfg->with_forwarded && !strcmp(argv[0], "all"))
		return xc_err(0,
			      "--forwarded wants one interface: on all of them every packet would pass twice"),
		       XC_EXIT_USAGE;
	if (cfg->netns.n > 1)
		return xc_err(0, "features watches one --netns at a time; run it once for each"),
		       XC_EXIT_USAGE;
	return XC_EXIT_OK;
}

static int features_run(const struct xc_config *cfg, int argc, char **argv)
{
	static struct xc_export_result result;
	int r;

	if (cfg->is_list)
		return xc_columns_print(cfg);
	if (cfg->check[0])
		return xc_columns_check(cfg);
	r = check_usage(cfg, argc, argv);
	if (r)
		return r;
	r = xc_export(cfg, argc ? argv[0] : NULL, &result);
	if (r == -EINVAL)	/* --columns */
		return XC_EXIT_USAGE;
	if (r == -ENODEV)
		return XC_EXIT_CANNOT;
	if (r)
		return r;
	tell(cfg, &result);
	return XC_EXIT_OK;
}

const struct xc_cmd xc_cmd_features = {
	.name = "features",
	.usage = "[INTERFACE|all] [options]",
	.text = "write a row for each flow and window: 94 features of network, latency, L7 and host, and labels",
	.examples =
		"crosscut features all  # 60 s of every interface, windows of 5 s, a CSV in this directory\n"
		"crosscut features eth0 -d 300 -w 5 -i 10 -l 2  # a labelled run: 2 is packet loss\n"
		"crosscut features -r capture.pcap --out -  # from a capture, to stdout; needs no root\n"
		"crosscut features --list  # what every column means\n"
		"crosscut features --check ml_features_hybrid_1700000000.csv\n",
	.max_args = 1,
	.run = features_run,
};
