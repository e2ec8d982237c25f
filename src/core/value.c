/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and printing the values of option rows. Pure. */
#include "core/options.h"

#include "base/json.h"
#include "base/scope.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A unit and what it is worth; largest first, so that printing takes the shortest form. */
struct unit {
	const char *name;
	uint64_t worth;
};

static const struct unit times[] = {
	{ "h", 3600000000000ull },
	{ "m", 60000000000ull },
	{ "s", 1000000000ull },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ "ns", 1 },
	{ NULL, 0 },
};

static const struct unit sizes[] = {
	{ "GiB", 1ull << 30 }, { "MiB", 1ull << 20 }, { "KiB", 1ull << 10 }, { "B", 1 },
	{ "G", 1ull << 30 },   { "M", 1ull << 20 },   { "K", 1ull << 10 },   { NULL, 0 },
};

static int wrong(char *why, const char *value, const char *what)
{
	struct xc_buf b = xc_buf(XC_WHY_LEN);

	xc_buf_put_safe(&b, value);
	(void)snprintf(why, XC_WHY_LEN, "'%.100s' %s", b.p ? b.p : "", what);
	xc_buf_done(&b);
	return -EINVAL;
}

/* @lead, and then what would be right. */
static int wrong_range(char *why, const char *value, const char *lead, const struct xc_option *o)
{
	struct xc_buf b = xc_buf(XC_WHY_LEN);
	int r;

	xc_buf_puts(&b, lead);
	xc_option_print_range(o, &b);
	r = wrong(why, value, b.p ? b.p : lead);
	xc_buf_done(&b);
	return r;
}

static void *field(struct xc_config *cfg, const struct xc_option *o)
{
	return (char *)cfg + o->offset;
}

static const void *field_const(const struct xc_config *cfg, const struct xc_option *o)
{
	return (const char *)cfg + o->offset;
}

static void store(struct xc_config *cfg, const struct xc_option *o, uint64_t n)
{
	uint32_t n32 = (uint32_t)n;

	assert(o->size == sizeof(n) || o->size == sizeof(n32));
	memcpy(field(cfg, o), o->size == sizeof(n) ? (void *)&n : (void *)&n32, o->size);
}

static uint64_t fetch(const struct xc_config *cfg, const struct xc_option *o)
{
	uint64_t n;
	uint32_t n32;

	if (o->size == sizeof(n)) {
		memcpy(&n, field_const(cfg, o), sizeof(n));
		return n;
	}
	memcpy(&n32, field_const(cfg, o), sizeof(n32));
	return n32;
}

/* ---- numbers with units --------------------------------------------------------- */

/* Multiply and add with a ceiling: what does not fit is out of every range. */
static uint64_t mul(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

static const struct unit *find_unit(const struct unit *units, const char *name)
{
	for (; units->name; units++)
		if (!strcmp(units->name, name))
			return units;
	return NULL;
}

/* The whole part; *ps moves behind it. False = no digit. */
static bool read_digits(const char **ps, uint64_t *ret_n)
{
	const char *s = *ps;

	*ret_n = 0;
	for (; *s >= '0' && *s <= '9'; s++)
		*ret_n = add(mul(*ret_n, 10), (uint64_t)(*s - '0'));
	if (s == *ps)
		return false;
	*ps = s;
	return true;
}

/* ".25" of @worth, exact to the unit. *ps is behind the point. False = no digit, or too many. */
static bool read_fraction(const char **ps, uint64_t worth, uint64_t *ret_n)
{
	const char *start = *ps;
	uint64_t digits, scale = 1;

	if (!read_digits(ps, &digits) || *ps - start > 9)
		return false;
	for (const char *s = start; s < *ps; s++)
		scale *= 10;
	*ret_n = (uint64_t)((unsigned __int128)digits * worth / scale);
	return true;
}

/* "1.5h" with @units; @bare is the worth of a number without a unit. False = no number. */
static bool read_amount(const char *s, const struct unit *units, uint64_t bare, uint64_t *ret_n)
{
	const char *unit = s + strspn(s, "0123456789.");
	const struct unit *u = find_unit(units, unit);
	uint64_t worth = u ? u->worth : bare;
	uint64_t n, part = 0;

	if ((!u && *unit) || !read_digits(&s, &n))
		return false;
	if (*s == '.') {
		s++;
		if (!read_fraction(&s, worth, &part))
			return false;
	}
	*ret_n = add(mul(n, worth), part);
	return s == unit;
}

static void print_number(const struct xc_option *o, uint64_t n, struct xc_buf *out)
{
	const struct unit *units = o->type == XC_OPT_TIME ? times : sizes;

	if (o->type == XC_OPT_COUNT || !n) {
		xc_buf_printf(out, "%" PRIu64, n);
		return;
	}
	while (units->worth > 1 && (n < units->worth || n % units->worth))
		units++;
	xc_buf_printf(out, "%" PRIu64 "%s", n / units->worth, units->name);
}

static int set_number(struct xc_config *cfg, const struct xc_option *o, const char *value,
		      char *why)
{
	const char *s = value;
	uint64_t n;

	if (o->type == XC_OPT_TIME && !read_amount(s, times, 1000000000, &n))
		return wrong(why, value, "is no time; write 300ms, 5s, 2m or 1h");
	if (o->type == XC_OPT_SIZE && !read_amount(s, sizes, 1, &n))
		return wrong(why, value, "is no size; write 65536, 512KiB or 4MiB");
	if (o->type == XC_OPT_COUNT && (!read_digits(&s, &n) || *s))
		return wrong(why, value, "is no number; write digits only");
	if (n < o->min || n > o->max)
		return wrong_range(why, value, "is out of range; give ", o);
	if (o->type == XC_OPT_SIZE && n & (n - 1))
		return wrong(why, value, "is no power of two; write 1MiB, 2MiB, 4MiB ...");
	store(cfg, o, n);
	return 0;
}

/* "0.25" as millionths. */
static int set_share(struct xc_config *cfg, const struct xc_option *o, const char *value, char *why)
{
	static const struct unit none[] = { { NULL, 0 } };
	uint64_t n;

	if (!read_amount(value, none, 1000000, &n) || n > 1000000)
		return wrong(why, value, "is no share; write a number from 0 to 1, such as 0.25");
	store(cfg, o, n);
	return 0;
}

static void print_share(uint64_t n, struct xc_buf *out)
{
	char digits[8];
	size_t len;

	xc_buf_printf(out, "%" PRIu64, n / 1000000);
	if (!(n % 1000000))
		return;
	len = (size_t)snprintf(digits, sizeof(digits), "%06" PRIu64, n % 1000000);
	while (digits[len - 1] == '0')
		len--;
	xc_buf_putc(out, '.');
	xc_buf_put(out, digits, len);
}

/* ---- ports ---------------------------------------------------------------------- */

/* "[80,443]", "80,443", or one more port of a list. */
static int add_ports(struct xc_ports *ports, const char *value, char *why)
{
	static const char what[] = "is no list of ports; write 80,8080 or [80, 8080]";
	const char *s = value + (*value == '[');

	while (*s && strcmp(s, "]")) {
		uint64_t port;

		s += strspn(s, " ");
		if (!read_digits(&s, &port) || !port || port > 65535)
			return wrong(why, value, what);
		if (ports->n == XC_PORTS_MAX)
			return wrong(why, value, "has too many ports; 32 are the most");
		ports->v[ports->n++] = (uint16_t)port;
		s += strspn(s, " ");
		if (*s && *s != ',' && strcmp(s, "]"))
			return wrong(why, value, what);
		s += *s == ',';
	}
	return 0;
}

static void print_ports(const struct xc_ports *ports, struct xc_buf *out)
{
	xc_buf_putc(out, '[');
	for (size_t i = 0; i < ports->n; i++)
		xc_buf_printf(out, "%s%u", i ? "," : "", ports->v[i]);
	xc_buf_putc(out, ']');
}

/* ---- words ---------------------------------------------------------------------- */

static int set_bool(struct xc_config *cfg, const struct xc_option *o, const char *value, char *why)
{
	static const struct {
		const char *word;
		bool is_on;
	} words[] = {
		{ "on", true },	  { "off", false }, { "true", true }, { "false", false },
		{ "yes", true },  { "no", false },  { "1", true },    { "0", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].word, value)) {
			memcpy(field(cfg, o), &words[i].is_on, sizeof(bool));
			return 0;
		}
	return wrong(why, value, "is neither on nor off");
}

static int set_choice(struct xc_config *cfg, const struct xc_option *o, const char *value,
		      char *why)
{
	for (uint32_t i = 0; o->choices[i]; i++)
		if (!strcmp(o->choices[i], value)) {
			store(cfg, o, i);
			return 0;
		}
	return wrong_range(why, value, "is none of ", o);
}

/* Copy one string; too long or empty is an error, never cut. */
static int set_string(char *dst, size_t size, const char *value, char *why)
{
	size_t len = strlen(value);
	char what[64];

	if (!len)
		return wrong(why, value, "is empty; give a value or leave it out");
	if (len >= size) {
		(void)snprintf(what, sizeof(what), "is too long; %zu bytes are the most", size - 1);
		return wrong(why, value, what);
	}
	memcpy(dst, value, len + 1);
	return 0;
}

static int add_word(struct xc_words *words, const char *value, char *why)
{
	int r;

	if (words->n == XC_WORDS_MAX)
		return wrong(why, value, "is one too many; 64 are the most");
	r = set_string(words->v[words->n], XC_WORD_LEN, value, why);
	if (r)
		return r;
	words->n++;
	return 0;
}

static int add_filter(struct xc_config *cfg, const struct xc_option *o, const char *value,
		      char *why)
{
	const char *what;
	int r;

	if (cfg->n_filters == XC_FILTERS_MAX)
		return wrong(why, value, "is one too many; 16 filters are the most");
	r = xc_filter_parse((enum xc_filter_kind)o->min, value, &cfg->filters[cfg->n_filters],
			    &what);
	if (r)
		return wrong(why, value, what);
	cfg->n_filters++;
	return 0;
}

static int add_reqfilter(struct xc_config *cfg, const struct xc_option *o, const char *value,
			 char *why)
{
	struct xc_observe_config *to = &cfg->observe;
	const char *what;

	if (to->n_filters == XC_REQFILTERS_MAX)
		return wrong(why, value, "is one too many; 16 filters are the most");
	if (xc_reqfilter_parse((enum xc_reqfilter_kind)o->min, value, &to->filters[to->n_filters],
			       &what))
		return wrong(why, value, what);
	to->n_filters++;
	return 0;
}

void xc_option_negate(struct xc_config *cfg, const struct xc_option *o)
{
	if (o->type == XC_OPT_FILTER)
		cfg->filters[cfg->n_filters - 1].is_not ^= true;
	else
		cfg->observe.filters[cfg->observe.n_filters - 1].is_not ^= true;
}

/* ---- rows ----------------------------------------------------------------------- */

static void forget_filters(struct xc_config *cfg, enum xc_filter_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < cfg->n_filters; i++)
		if (cfg->filters[i].kind != kind)
			cfg->filters[n++] = cfg->filters[i];
	cfg->n_filters = n;
}

static void forget_reqfilters(struct xc_observe_config *o, enum xc_reqfilter_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_filters; i++)
		if (o->filters[i].kind != kind)
			o->filters[n++] = o->filters[i];
	o->n_filters = n;
}

const struct xc_origin *xc_option_origin(const struct xc_config *cfg, const struct xc_option *o)
{
	return &cfg->origin[o - xc_options];
}

/* The highest level that set filters of this kind: --ip and --filter-ip are one. */
static enum xc_origin_level filters_level(const struct xc_config *cfg, uint64_t kind)
{
	enum xc_origin_level level = XC_ORIGIN_DEFAULT;

	for (size_t i = 0; i < xc_n_options; i++)
		if (xc_options[i].type == XC_OPT_FILTER && xc_options[i].min == kind &&
		    cfg->origin[i].level > level)
			level = cfg->origin[i].level;
	return level;
}

bool xc_option_claim(struct xc_config *cfg, const struct xc_option *o, struct xc_origin origin)
{
	struct xc_origin *now = &cfg->origin[o - xc_options];

	if (now->level > origin.level)
		return false;
	if (o->type == XC_OPT_FILTER && filters_level(cfg, o->min) < origin.level)
		forget_filters(cfg, (enum xc_filter_kind)o->min);
	if (now->level < origin.level && o->type == XC_OPT_REQFILTER)
		forget_reqfilters(&cfg->observe, (enum xc_reqfilter_kind)o->min);
	if (now->level < origin.level && o->type == XC_OPT_LIST)
		((struct xc_words *)field(cfg, o))->n = 0;
	if (now->level < origin.level && o->type == XC_OPT_PORTS)
		((struct xc_ports *)field(cfg, o))->n = 0;
	*now = origin;
	return true;
}

int xc_option_set(struct xc_config *cfg, const struct xc_option *o, const char *value,
		  struct xc_origin origin, char *why)
{
	if (!xc_option_claim(cfg, o, origin))
		return 0;
	switch (o->type) {
	case XC_OPT_FLAG:
	case XC_OPT_BOOL:
		return set_bool(cfg, o, value, why);
	case XC_OPT_CHOICE:
		return set_choice(cfg, o, value, why);
	case XC_OPT_COUNT:
	case XC_OPT_TIME:
	case XC_OPT_SIZE:
		return set_number(cfg, o, value, why);
	case XC_OPT_TEXT:
		return set_string(field(cfg, o), o->size, value, why);
	case XC_OPT_LIST:
		return add_word(field(cfg, o), value, why);
	case XC_OPT_FILTER:
		return add_filter(cfg, o, value, why);
	case XC_OPT_REQFILTER:
		return add_reqfilter(cfg, o, value, why);
	case XC_OPT_SHARE:
		return set_share(cfg, o, value, why);
	case XC_OPT_PORTS:
		return add_ports(field(cfg, o), value, why);
	case XC_OPT_NOT:
	case XC_OPT_HELP:
	case _XC_OPT_MAX:
		break;
	}
	return 0;
}

bool xc_option_is_set(const struct xc_config *cfg, const struct xc_option *o)
{
	if (xc_option_is_filter(o) || o->type == XC_OPT_LIST)
		return true;
	return o->preset || xc_option_origin(cfg, o)->level > XC_ORIGIN_DEFAULT;
}

static void print_words(const struct xc_words *w, struct xc_json *j)
{
	for (size_t i = 0; i < w->n; i++)
		xc_json_str(j, NULL, w->v[i]);
}

static void print_filters(const struct xc_config *cfg, const struct xc_option *o, struct xc_json *j)
{
	char text[XC_FILTER_LEN + 1];

	for (size_t i = 0; i < cfg->n_filters; i++) {
		const struct xc_filter *f = &cfg->filters[i];

		if (f->kind != o->min)
			continue;
		(void)snprintf(text, sizeof(text), "%s%s", f->is_not ? "!" : "", f->text);
		xc_json_str(j, NULL, text);
	}
}

static void print_reqfilters(const struct xc_config *cfg, const struct xc_option *o,
			     struct xc_json *j)
{
	char text[XC_REQFILTER_LEN + 1];

	for (size_t i = 0; i < cfg->observe.n_filters; i++) {
		const struct xc_reqfilter *f = &cfg->observe.filters[i];

		if (f->kind != o->min)
			continue;
		(void)snprintf(text, sizeof(text), "%s%s", f->is_not ? "!" : "", f->text);
		xc_json_str(j, NULL, text);
	}
}

static void print_list(const struct xc_config *cfg, const struct xc_option *o, struct xc_buf *out)
{
	struct xc_json j = xc_json(out);

	xc_json_open(&j, NULL, '[');
	if (o->type == XC_OPT_LIST)
		print_words(field_const(cfg, o), &j);
	else if (o->type == XC_OPT_REQFILTER)
		print_reqfilters(cfg, o, &j);
	else
		print_filters(cfg, o, &j);
	xc_json_close(&j, ']');
}

void xc_option_print(const struct xc_config *cfg, const struct xc_option *o, struct xc_buf *out)
{
	struct xc_json j = xc_json(out);

	switch (o->type) {
	case XC_OPT_FLAG:
	case XC_OPT_BOOL:
		xc_buf_puts(out, *(const bool *)field_const(cfg, o) ? "on" : "off");
		break;
	case XC_OPT_CHOICE:
		xc_buf_puts(out, o->choices[fetch(cfg, o)]);
		break;
	case XC_OPT_COUNT:
	case XC_OPT_TIME:
	case XC_OPT_SIZE:
		print_number(o, fetch(cfg, o), out);
		break;
	case XC_OPT_TEXT:
		xc_json_str(&j, NULL, field_const(cfg, o));
		break;
	case XC_OPT_SHARE:
		print_share(fetch(cfg, o), out);
		break;
	case XC_OPT_PORTS:
		print_ports(field_const(cfg, o), out);
		break;
	case XC_OPT_LIST:
	case XC_OPT_FILTER:
	case XC_OPT_REQFILTER:
		print_list(cfg, o, out);
		break;
	case XC_OPT_NOT:
	case XC_OPT_HELP:
	case _XC_OPT_MAX:
		break;
	}
}

void xc_option_print_range(const struct xc_option *o, struct xc_buf *out)
{
	if (o->type == XC_OPT_FLAG || o->type == XC_OPT_BOOL) {
		xc_buf_puts(out, "on, off");
		return;
	}
	if (o->type == XC_OPT_SHARE) {
		xc_buf_puts(out, "0 to 1");
		return;
	}
	for (size_t i = 0; o->choices && o->choices[i]; i++)
		xc_buf_printf(out, "%s%s", i ? ", " : "", o->choices[i]);
	if (o->max) {
		print_number(o, o->min, out);
		xc_buf_puts(out, " to ");
		print_number(o, o->max, out);
	}
}

void xc_option_print_key(const struct xc_option *o, struct xc_buf *out)
{
	for (const char *s = o->name; *s; s++)
		xc_buf_putc(out, *s == '-' ? '_' : *s);
}

void xc_option_print_env(const struct xc_option *o, struct xc_buf *out)
{
	xc_buf_puts(out, "CROSSCUT_");
	for (const char *s = o->name; *s; s++)
		xc_buf_putc(out, *s == '-' ? '_' : (char)(*s >= 'a' && *s <= 'z' ? *s - 32 : *s));
}
