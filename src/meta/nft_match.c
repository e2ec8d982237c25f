/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing the value of an expression with what a rule or set says. */
#include "meta/nft_expr.h"

#include <arpa/inet.h>
#include <string.h>

/* -1, 0, 1 in *@ret; false = they cannot be compared. */
static bool order(const struct nft_val *v, const json_t *right, int *ret)
{
	const char *s = json_string_value(right);
	uint8_t addr[16];
	uint64_t n;

	if (v->kind == NFT_VAL_ADDR) {
		if (!s || inet_pton(v->addr_len == 4 ? AF_INET : AF_INET6, s, addr) != 1)
			return false;
		*ret = memcmp(v->addr, addr, v->addr_len);
		return true;
	}
	if (v->kind != NFT_VAL_INT || !nft_number(right, v->sym, &n))
		return false;
	*ret = v->n < n ? -1 : v->n > n;
	return true;
}

static enum xc_tri in_range(const struct nft_val *v, const json_t *range)
{
	int lo, hi;

	if (!order(v, json_array_get(range, 0), &lo) || !order(v, json_array_get(range, 1), &hi))
		return XC_MAYBE;
	return xc_tri(lo >= 0 && hi <= 0);
}

static enum xc_tri in_prefix(const struct nft_val *v, const json_t *prefix)
{
	const json_t *base = json_object_get(prefix, "addr");
	json_int_t len = json_integer_value(json_object_get(prefix, "len"));
	const char *s = json_string_value(base);
	uint8_t addr[16];
	uint64_t n;

	if (v->kind == NFT_VAL_INT && nft_number(base, v->sym, &n) && len >= 0 && len <= v->bits)
		return xc_tri(len == 0 || (v->n ^ n) >> (v->bits - (uint32_t)len) == 0);
	if (v->kind != NFT_VAL_ADDR || !s || len < 0 || len > v->addr_len * 8 ||
	    inet_pton(v->addr_len == 4 ? AF_INET : AF_INET6, s, addr) != 1)
		return XC_MAYBE;
	for (json_int_t i = 0; i < len; i += 8) {
		uint8_t mask = len - i >= 8 ? 0xff : (uint8_t)(0xff << (8 - (len - i)));

		if ((v->addr[i / 8] ^ addr[i / 8]) & mask)
			return XC_NO;
	}
	return XC_YES;
}

/* "eth*" is a prefix, "eth\*" is a name that ends in an asterisk. */
static enum xc_tri name_is(const char *name, const char *pattern)
{
	size_t n = strlen(pattern);

	if (n == 0 || pattern[n - 1] != '*')
		return xc_tri(!strcmp(name, pattern));
	if (n == 1 || pattern[n - 2] != '\\')
		return xc_tri(!strncmp(name, pattern, n - 1));
	return xc_tri(strlen(name) == n - 1 && !strncmp(name, pattern, n - 2) &&
		      name[n - 2] == '*');
}

static enum xc_tri val_is(const struct nft_val *v, const json_t *right)
{
	const json_t *sub;
	int cmp;

	if (v->kind == NFT_VAL_UNKNOWN)
		return XC_MAYBE;
	if (v->kind == NFT_VAL_ABSENT)
		return XC_NO;
	if (v->kind == NFT_VAL_NAME && json_is_string(right))
		return name_is(v->name, json_string_value(right));
	if (v->kind == NFT_VAL_NAME)	/* an index: of a device that is gone */
		return v->name[0] ? XC_MAYBE : XC_NO;
	sub = json_object_get(right, "range");
	if (sub)
		return in_range(v, sub);
	sub = json_object_get(right, "prefix");
	if (sub)
		return in_prefix(v, sub);
	return order(v, right, &cmp) ? xc_tri(cmp == 0) : XC_MAYBE;
}

/* {"elem": {"val": x, "timeout": ...}} stands for x. */
static const json_t *elem_value(const json_t *elem)
{
	const json_t *e = json_object_get(elem, "elem");

	return e ? json_object_get(e, "val") : elem;
}

bool nft_is_catchall(const json_t *elem)
{
	const char *s = json_string_value(elem_value(elem));

	return s && !strcmp(s, "*");
}

static enum xc_tri elem_is(const struct nft_key *key, const json_t *elem)
{
	const json_t *list;
	enum xc_tri t = XC_YES;

	elem = elem_value(elem);
	list = json_object_get(elem, "concat");
	if (!list)
		return key->n == 1 ? val_is(&key->v[0], elem) : XC_MAYBE;
	if (json_array_size(list) != key->n)
		return XC_MAYBE;
	for (size_t i = 0; i < key->n; i++)
		t = xc_tri_and(t, val_is(&key->v[i], json_array_get(list, i)));
	return t;
}

bool nft_elements(const struct xc_walk *w, const json_t *ref, struct nft_elems *ret)
{
	const struct xc_nft *nft = w->ctx;
	const struct nft_table *t = &nft->tables[w->chain->owner];
	const char *name = json_string_value(ref);
	uint32_t i;

	*ret = (struct nft_elems){ .list = json_object_get(ref, "set") };
	if (!name || name[0] != '@')
		return ret->list != NULL;
	i = nft_set_find(nft, t->family, t->name, name + 1);
	if (i == NFT_NOT_FOUND)
		return false;
	ret->list = nft->sets[i].elem;
	ret->is_dynamic = nft->sets[i].is_dynamic;
	return true;
}

static enum xc_tri in_set(struct xc_walk *w, const struct nft_key *key, const json_t *ref)
{
	enum xc_tri t = XC_NO;
	struct nft_elems set;
	size_t i;

	if (!nft_elements(w, ref, &set))
		return XC_MAYBE;
	for (i = 0; i < json_array_size(set.list) && t != XC_YES; i++) {
		const json_t *elem = json_array_get(set.list, i);

		t = xc_tri_or(t, nft_is_catchall(elem) ? XC_YES : elem_is(key, elem));
	}
	xc_walk_spend(w, i);
	return set.is_dynamic ? xc_tri_or(t, XC_MAYBE) : t;
}

/* @ref names or is a set. */
static bool is_set(const json_t *ref)
{
	const char *s = json_string_value(ref);

	return s ? s[0] == '@' : json_object_get(ref, "set") != NULL;
}

/* @key with one of its two possible values; all components hang together: the same state. */
static bool pick(struct nft_key *key, bool is_alt)
{
	bool has_alt = false;

	for (size_t i = 0; i < key->n; i++) {
		struct nft_val *v = &key->v[i];

		if (v->kind != NFT_VAL_INT || v->n == v->alt)
			continue;
		has_alt = true;
		*(is_alt ? &v->n : &v->alt) = is_alt ? v->alt : v->n;
	}
	return has_alt;
}

enum xc_tri nft_key_is(struct xc_walk *w, const struct nft_key *key, const json_t *right)
{
	struct nft_key one = *key, two;
	enum xc_tri a, b;

	if (!pick(&one, false))
		return is_set(right) ? in_set(w, key, right) : elem_is(key, right);
	two = *key;
	(void)pick(&two, true);
	a = nft_key_is(w, &one, right);
	b = nft_key_is(w, &two, right);
	return a == b ? a : XC_MAYBE;
}

enum xc_tri nft_key_eval(const struct xc_walk *w, const json_t *expr, struct nft_key *ret_key)
{
	const json_t *list = json_object_get(expr, "concat");
	enum xc_tri t = XC_YES;
	size_t n = list ? json_array_size(list) : 1;

	if (n == 0 || n > NFT_CONCAT_MAX) {
		ret_key->n = 1;
		ret_key->v[0] = (struct nft_val){ .kind = NFT_VAL_UNKNOWN };
		return XC_YES;
	}
	ret_key->n = n;
	for (size_t i = 0; i < n; i++) {
		ret_key->v[i] = nft_val_eval(w, list ? json_array_get(list, i) : expr);
		if (ret_key->v[i].kind == NFT_VAL_ABSENT)
			t = XC_NO;
	}
	return t;
}

/* Any of these bits set? nft writes it "in", and "!" for none. */
static enum xc_tri any_bit(const struct nft_key *key, const json_t *right)
{
	const struct nft_val *v = &key->v[0];
	uint64_t n;

	if (key->n != 1 || v->kind != NFT_VAL_INT || !nft_number(right, v->sym, &n))
		return XC_MAYBE;
	if (!(v->n & n) == !(v->alt & n))
		return xc_tri(v->n & n);
	return XC_MAYBE;
}

static enum xc_tri compare(const struct nft_key *key, const char *op, const json_t *right)
{
	const struct nft_val *v = &key->v[0];
	int cmp;

	if (key->n != 1 || v->n != v->alt || !order(v, right, &cmp))
		return XC_MAYBE;
	if (!strcmp(op, "<"))
		return xc_tri(cmp < 0);
	if (!strcmp(op, ">"))
		return xc_tri(cmp > 0);
	if (!strcmp(op, "<="))
		return xc_tri(cmp <= 0);
	if (!strcmp(op, ">="))
		return xc_tri(cmp >= 0);
	return XC_MAYBE;
}

enum xc_tri nft_match_eval(struct xc_walk *w, const json_t *match)
{
	const json_t *right = json_object_get(match, "right");
	const char *op = nft_string(match, "op");
	struct nft_key key;

	if (nft_key_eval(w, json_object_get(match, "left"), &key) == XC_NO)
		return XC_NO;
	if (!op || !strcmp(op, "=="))
		return nft_key_is(w, &key, right);
	if (!strcmp(op, "!="))
		return xc_tri_not(nft_key_is(w, &key, right));
	if (!strcmp(op, "!"))
		return xc_tri_not(any_bit(&key, right));
	if (strcmp(op, "in"))
		return compare(&key, op, right);
	return is_set(right) ? nft_key_is(w, &key, right) : any_bit(&key, right);
}
