/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/features.h"

#include "base/scope.h"
#include "base/word.h"
#include "flow/features_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * The header of the files of the first exporter (its recorded cpu_throttle.csv), in its order.
 * Twelve of its names are only here; what they mean is what the table says, not what it computed.
 */
static const char seed94[] =
	"timestamp,flow_id,src_ip,dst_ip,src_port,dst_port,protocol,l7_protocol,"
	"packet_count,byte_count,packets_per_second,bytes_per_second,avg_packet_size,"
	"retransmission_count,retransmission_rate,consecutive_retrans,out_of_order_count,"
	"tcp_resets,zero_window_count,zero_window_duration,syn_count,syn_ack_count,"
	"syn_to_synack_ratio,fin_count,rst_count,psh_count,duplicate_acks,"
	"ttl_min,ttl_avg,ttl_stddev,payload_entropy,dns_failures,"
	"connection_state,connection_duration,handshake_latency,"
	"error_rate,half_open_connections,is_blocked_flow,"
	"inter_arrival_mean_ms,inter_arrival_std_ms,inter_arrival_jitter,"
	"latency_p50,latency_p95,latency_p99,tail_latency_ratio,"
	"tcp_window_min,tcp_window_avg,tcp_window_drops,"
	"connection_rate,connection_churn,abnormal_termination_ratio,"
	"cpu_usage_percent,process_cpu_top3,"
	"cpu_nr_periods,cpu_nr_throttled,cpu_throttled_time_ms,cpu_throttle_ratio,"
	"memory_usage_percent,memory_available_mb,swap_usage_percent,oom_kill_count,"
	"disk_read_mb,disk_write_mb,disk_avg_latency_us,disk_queue_depth,"
	"tcp_listen_overflows,tcp_listen_drops,process_exits,"
	"high_io_latency,cpu_contention,cpu_throttled,memory_critical,swap_active,disk_saturated,"
	"http_status_code,http_method,http_latency_ms,grpc_status_code,grpc_method,"
	"dns_response_code,dns_num_answers,dns_query_latency_ms,dns_query_latency_p95,"
	"kafka_api_key,kafka_error_code,l7_protocol_detected,"
	"namespace,pod_name,service_name,verdict,drop_reason,"
	"anomaly_label,anomaly_severity,remediation_action";

static const char *const types[] = { "u8",  "u16", "i16", "u32",  "u64",
				     "f64", "str", "ip",  "hex8", "enum" };
static const char *const groups[] = { "metadata",   "network", "latency",  "l7",  "system",
				      "aux_system", "label",   "extended", "seed" };
static const char *const roles[] = { "feature", "id", "meta", "label" };

_Static_assert(ARRAY_SIZE(types) == _XC_TYPE_MAX, "a name for each type");
_Static_assert(ARRAY_SIZE(groups) == _XC_GROUP_MAX, "a name for each group");
_Static_assert(ARRAY_SIZE(roles) == _XC_ROLE_MAX, "a name for each role");

const struct xc_column_set xc_column_sets[] = {
	{ "core", "metadata, the 94 features and the label: 103 columns" },
	{ "default", "core and the 9 auxiliary system columns: 112 columns" },
	{ "numeric",
	  "of default what a model may learn from: numbers that are no identity, and the label" },
	{ "extended",
	  "default, then everything else that can be measured, and what the rules say" },
	{ "seed94",
	  "the 94 columns of the first exporter's files, with its names and in its order" },
	{ 0 },
};

static const struct xc_feature *rows_of(size_t group, size_t *ret_n)
{
	static const struct {
		const struct xc_feature *rows;
		size_t n;
	} all[] = {
		[XC_GROUP_METADATA] = { xc_features_metadata, XC_N_METADATA },
		[XC_GROUP_NETWORK] = { xc_features_network, XC_N_NETWORK },
		[XC_GROUP_LATENCY] = { xc_features_latency, XC_N_LATENCY },
		[XC_GROUP_L7] = { xc_features_l7, XC_N_L7 },
		[XC_GROUP_SYSTEM] = { xc_features_system, XC_N_SYSTEM },
		[XC_GROUP_AUX_SYSTEM] = { xc_features_aux_system, XC_N_AUX_SYSTEM },
		[XC_GROUP_LABEL] = { xc_features_label, XC_N_LABEL },
		[XC_GROUP_EXTENDED] = { xc_features_extended, XC_N_EXTENDED },
		[XC_GROUP_SEED] = { xc_features_seed, XC_N_SEED },
	};

	_Static_assert(ARRAY_SIZE(all) == _XC_GROUP_MAX, "rows of each group");
	*ret_n = all[group].n;
	return all[group].rows;
}

size_t xc_features_count(void)
{
	size_t count = 0, n;

	for (size_t g = 0; g < _XC_GROUP_MAX; g++) {
		(void)rows_of(g, &n);
		count += n;
	}
	return count;
}

const struct xc_feature *xc_feature_at(size_t i)
{
	for (size_t g = 0; g < _XC_GROUP_MAX; g++) {
		size_t n;
		const struct xc_feature *rows = rows_of(g, &n);

		if (i < n)
			return &rows[i];
		i -= n;
	}
	return NULL;
}

static const struct xc_feature *find(const char *name, size_t len)
{
	for (size_t i = 0, n = xc_features_count(); i < n; i++) {
		const struct xc_feature *f = xc_feature_at(i);

		if (!strncmp(f->name, name, len) && !f->name[len])
			return f;
	}
	return NULL;
}

const struct xc_feature *xc_feature_find(const char *name)
{
	return find(name, strlen(name));
}

const char *xc_feature_type_str(const struct xc_feature *f)
{
	return types[f->type];
}

const char *xc_feature_group_str(const struct xc_feature *f)
{
	return groups[f->group];
}

const char *xc_feature_role_str(const struct xc_feature *f)
{
	return roles[f->role];
}

static bool is_in_list(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, name, len) && (p[len] == ',' || !p[len]))
			return true;
	}
	return false;
}

bool xc_feature_is_in(const struct xc_feature *f, const char *name)
{
	bool is_default = f->group <= XC_GROUP_LABEL;

	if (!strcmp(name, "core"))
		return is_default && f->group != XC_GROUP_AUX_SYSTEM;
	if (!strcmp(name, "default"))
		return is_default;
	if (!strcmp(name, "numeric"))
		return is_default && !xc_feature_is_text(f) &&
		       (f->role == XC_ROLE_FEATURE || f->role == XC_ROLE_LABEL);
	if (!strcmp(name, "extended"))
		return is_default || f->group == XC_GROUP_EXTENDED;
	return !strcmp(name, "seed94") && is_in_list(seed94, f->name);
}

static const char *nearest(const char *name)
{
	const char *best = NULL;
	size_t least = strlen(name) / 2 + 1;	/* less than half of it wrong */

	for (size_t i = 0, n = xc_features_count(); i < n; i++) {
		size_t d = xc_word_distance(name, xc_feature_at(i)->name);

		if (d >= least)
			continue;
		best = xc_feature_at(i)->name;
		least = d;
	}
	return best;
}

static int unknown(const char *name, size_t len, char why[XC_COLUMNS_WHY])
{
	char word[XC_WORD_MAX + 1];
	const char *guess;

	(void)snprintf(word, sizeof(word), "%.*s", (int)(len < XC_WORD_MAX ? len : XC_WORD_MAX),
		       name);
	guess = nearest(word);
	if (guess)
		(void)snprintf(why, XC_COLUMNS_WHY, "no column '%s'; did you mean %s?", word,
			       guess);
	else
		(void)snprintf(why, XC_COLUMNS_WHY,
			       "no column '%s'; 'crosscut features --list' shows them", word);
	return -EINVAL;
}

static int add(struct xc_columns *c, const struct xc_feature *f, char why[XC_COLUMNS_WHY])
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i] != f)
			continue;
		(void)snprintf(why, XC_COLUMNS_WHY, "column %s is named twice", f->name);
		return -EINVAL;
	}
	c->v[c->n++] = f;
	return 0;
}

static int select_list(const char *list, struct xc_columns *c, char why[XC_COLUMNS_WHY])
{
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");
		const struct xc_feature *f = find(p, len);
		int r = f ? add(c, f, why) : unknown(p, len, why);

		if (r)
			return r;
		p += len;
		if (!*p)
			return 0;
	}
}

static bool is_set(const char *what)
{
	for (const struct xc_column_set *s = xc_column_sets; s->name; s++)
		if (!strcmp(s->name, what))
			return true;
	return false;
}

int xc_columns_select(const char *what, struct xc_columns *ret_columns, char why[XC_COLUMNS_WHY])
{
	struct xc_columns c = { 0 };
	int r;

	if (!strcmp(what, "seed94"))
		what = seed94;
	if (is_set(what)) {
		for (size_t i = 0, n = xc_features_count(); i < n; i++)
			if (xc_feature_is_in(xc_feature_at(i), what))
				c.v[c.n++] = xc_feature_at(i);
	} else {
		r = select_list(what, &c, why);
		if (r)
			return r;
	}
	*ret_columns = c;
	return 0;
}
