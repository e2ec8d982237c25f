/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file: YAML, one level of keys that are the option names, and sections
 * "network-correlator" and "network-observer" that take the key names of the tools why and observe follow.
 */
#include "core/config.h"

#include "base/scope.h"
#include "core/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#define FILE_MAX (1u << 20)	/* bytes; no sensible file comes near */

/* One file being read. */
struct reading {
	struct xc_config *cfg;
	yaml_document_t doc;
	const char *name;	/* of the file, for messages */
	char *why;
};

static uint32_t line_of(const yaml_node_t *node)
{
	return (uint32_t)node->start_mark.line + 1;
}

static int __attribute__((format(printf, 3, 4)))
wrong(struct reading *rd, uint32_t line, const char *fmt, ...)
{
	char what[XC_WHY_LEN];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)snprintf(rd->why, XC_WHY_LEN, "%.100s:%u: %.390s", rd->name, line, what);
	return -EINVAL;
}

/* A scalar's text, "" if it is none. Keys and values with a NUL inside end there and are then refused. */
static const char *scalar(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static bool is_sequence(const yaml_node_t *node)
{
	return node->type == YAML_SEQUENCE_NODE;
}

/* ---- one key -------------------------------------------------------------------- */

static int set_scalar(struct reading *rd, const struct xc_option *o, const yaml_node_t *node)
{
	const struct xc_origin origin = { XC_ORIGIN_FILE, line_of(node) };
	char what[XC_WHY_LEN];

	if (node->type != YAML_SCALAR_NODE)
		return wrong(rd, line_of(node), "%s takes one value; write %s: %s", o->name,
			     o->name, o->preset ? o->preset : "VALUE");
	if (!xc_option_set(rd->cfg, o, scalar(node), origin, what))
		return 0;
	return wrong(rd, line_of(node), "%s: %s", o->name, what);
}

static int set_sequence(struct reading *rd, const struct xc_option *o, const yaml_node_t *node)
{
	const struct xc_origin origin = { XC_ORIGIN_FILE, line_of(node) };
	yaml_node_item_t *item = node->data.sequence.items.start;
	int r;

	(void)xc_option_claim(rd->cfg, o, origin);	/* [] is a value too: none */
	for (; item < node->data.sequence.items.top; item++) {
		r = set_scalar(rd, o, yaml_document_get_node(&rd->doc, *item));
		if (r)
			return r;
	}
	return 0;
}

static int set_key(struct reading *rd, const struct xc_option *o, uint32_t line,
		   const yaml_node_t *value)
{
	const struct xc_origin *had = xc_option_origin(rd->cfg, o);

	if (had->level == XC_ORIGIN_FILE)
		return wrong(rd, line, "%s is given twice, first on line %u; leave one out",
			     o->name, had->line);
	if (is_sequence(value) &&
	    (o->type == XC_OPT_LIST || o->type == XC_OPT_PORTS || xc_option_is_filter(o)))
		return set_sequence(rd, o, value);
	return set_scalar(rd, o, value);
}

static int set_named(struct reading *rd, const char *name, uint32_t line, const yaml_node_t *value)
{
	const struct xc_option *o = xc_option_find(name, XC_ORIGIN_FILE);
	const char *guess = xc_option_guess(name, 0, XC_ORIGIN_FILE);

	if (o)
		return set_key(rd, o, line, value);
	if (xc_option_find(name, XC_ORIGIN_FLAG))
		return wrong(rd, line, "%.40s is for the command line only; remove it", name);
	if (guess)
		return wrong(rd, line, "unknown key '%.40s'; did you mean %s?", name, guess);
	return wrong(rd, line, "unknown key '%.40s'; crosscut config dump shows them all", name);
}

/* ---- the section "network-correlator" ------------------------------------------- */

/* buffer_size counts events there; a record is 400 bytes at the most. */
static int set_buffer_events(struct reading *rd, uint32_t line, const yaml_node_t *value)
{
	const struct xc_option *o = xc_option_find("buffer_size", XC_ORIGIN_FILE);
	uint64_t bytes = o->min;
	unsigned long long events;
	char size[32], *end;

	errno = 0;
	events = strtoull(scalar(value), &end, 10);
	if (errno || *end || !events || events > o->max / 400)
		return wrong(rd, line, "buffer_size counts events here; give 1 to %" PRIu64,
			     o->max / 400);
	while (bytes < events * 400)
		bytes *= 2;
	(void)snprintf(size, sizeof(size), "%" PRIu64, bytes);
	(void)xc_option_set(rd->cfg, o, size, (struct xc_origin){ XC_ORIGIN_FILE, line }, rd->why);
	return 0;
}

/* A list there; crosscut watches one device or all. */
static int set_interfaces(struct reading *rd, uint32_t line, const yaml_node_t *value)
{
	const yaml_node_item_t *items = value->data.sequence.items.start;
	const struct xc_option *o = xc_option_find("iface", XC_ORIGIN_FILE);
	ptrdiff_t n;

	if (!is_sequence(value))
		return wrong(rd, line, "interfaces is a list; write [] for all or [eth0]");
	n = value->data.sequence.items.top - items;
	if (n > 1)
		return wrong(rd, line,
			     "crosscut watches all interfaces or one; leave one in the list");
	return n ? set_key(rd, o, line, yaml_document_get_node(&rd->doc, items[0])) : 0;
}

/* Meant for features this version does not have: checked, and otherwise without effect. */
static int check_bool(struct reading *rd, uint32_t line, const yaml_node_t *value)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(scalar(value), words[i]))
			return 0;
	return wrong(rd, line, "'%.40s' is neither true nor false", scalar(value));
}

/* A key of the section that has another meaning there than on top. */
struct section_key {
	const char *name;
	int (*set)(struct reading *rd, uint32_t line, const yaml_node_t *value);
};

static const struct section_key correlator_keys[] = {
	{ "buffer_size", set_buffer_events },
	{ "interfaces", set_interfaces },
	{ "enable_k8s_metadata", check_bool },
	{ "enable_policy_check", check_bool },
	{ NULL, NULL },
};

static int set_output_events(struct reading *rd, uint32_t line, const yaml_node_t *value)
{
	return set_named(rd, "observe_buffer_size", line, value);
}

static int set_tracked(struct reading *rd, uint32_t line, const yaml_node_t *value)
{
	return set_named(rd, "observe_max_connections", line, value);
}

static const struct section_key observer_keys[] = {
	{ "buffer_size", set_output_events },
	{ "max_connections", set_tracked },
	{ NULL, NULL },
};

/* Sections with the key names, and the meaning of them, of the tools crosscut unites. */
static const struct section {
	const char *name;
	const struct section_key *keys;
} sections[] = {
	{ "network-correlator", correlator_keys },
	{ "network-observer", observer_keys },
};

static int set_in_section(struct reading *rd, const struct section *section, const yaml_node_t *key,
			  const yaml_node_t *value)
{
	for (const struct section_key *k = section->keys; k->name; k++)
		if (!strcmp(scalar(key), k->name))
			return k->set(rd, line_of(key), value);
	return set_named(rd, scalar(key), line_of(key), value);
}

/* ---- the file ------------------------------------------------------------------- */

static int read_section(struct reading *rd, const struct section *section, const yaml_node_t *map)
{
	const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	int r = 0;

	for (; !r && pair < map->data.mapping.pairs.top; pair++)
		r = set_in_section(rd, section, yaml_document_get_node(&rd->doc, pair->key),
				   yaml_document_get_node(&rd->doc, pair->value));
	return r;
}

static const struct section *section_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (!strcmp(name, sections[i].name))
			return &sections[i];
	return NULL;
}

static int read_mapping(struct reading *rd, const yaml_node_t *map)
{
	const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	int r = 0;

	for (; !r && pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&rd->doc, pair->key);
		const yaml_node_t *value = yaml_document_get_node(&rd->doc, pair->value);
		const struct section *section = section_of(scalar(key));

		if (!section)
			r = set_named(rd, scalar(key), line_of(key), value);
		else if (value->type == YAML_MAPPING_NODE)
			r = read_section(rd, section, value);
		else
			r = wrong(rd, line_of(key), "%s is a section; indent its keys below",
				  section->name);
	}
	return r;
}

static int read_document(struct reading *rd)
{
	const yaml_node_t *root = yaml_document_get_root_node(&rd->doc);

	if (!root)	/* empty, or comments only */
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return *scalar(root) || is_sequence(root) ?
			       wrong(rd, line_of(root),
				     "no key; write lines such as duration: 60s") :
			       0;
	return read_mapping(rd, root);
}

int xc_config_parse(struct xc_config *cfg, const char *name, const char *text, size_t len,
		    char *why)
{
	struct reading rd = { .cfg = cfg, .name = name, .why = why };
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser)) {
		(void)snprintf(why, XC_WHY_LEN, "%.100s: no memory", name);
		return -EINVAL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (yaml_parser_load(&parser, &rd.doc)) {
		r = read_document(&rd);
		yaml_document_delete(&rd.doc);
	} else {
		r = wrong(&rd, (uint32_t)parser.problem_mark.line + 1,
			  "no YAML: %s; mend this line",
			  parser.problem ? parser.problem : "it cannot be read");
	}
	yaml_parser_delete(&parser);
	return r;
}

static int cannot(char *why, const char *path, const char *what)
{
	(void)snprintf(why, XC_WHY_LEN, "%.200s: %s; name a readable configuration file", path,
		       what);
	return -EINVAL;
}

int xc_config_read_file(struct xc_config *cfg, const char *path, char *why)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;

	if (!f || fstat(fileno(f), &st))
		return cannot(why, path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return cannot(why, path, "is a directory");
	text = malloc(FILE_MAX + 1);
	if (!text)
		return cannot(why, path, "no memory");
	len = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f))
		return cannot(why, path, "cannot be read");
	if (len > FILE_MAX)
		return cannot(why, path, "is larger than 1 MiB");
	return xc_config_parse(cfg, path, text, len, why);
}
