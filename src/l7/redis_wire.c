/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/redis_wire.h"

#include "base/scope.h"

#include <ctype.h>
#include <stdlib.h>

#define ARGS_MAX (1u << 20)	/* of one command: proto-max-multibulk-len */

/* Sorted. A command that is not here has no key we know of. */
/* clang-format off */
static const struct xc_redis_command commands[] = {
	{ "ACL", 0, true }, { "APPEND", 1, false }, { "ASKING", 0, false }, { "AUTH", 0, false },
	{ "BGREWRITEAOF", 0, false }, { "BGSAVE", 0, false }, { "BITCOUNT", 1, false },
	{ "BITFIELD", 1, false }, { "BITFIELD_RO", 1, false }, { "BITOP", 2, false },
	{ "BITPOS", 1, false }, { "BLMOVE", 1, false }, { "BLMPOP", 3, false },
	{ "BLPOP", 1, false }, { "BRPOP", 1, false }, { "BRPOPLPUSH", 1, false },
	{ "BZMPOP", 3, false }, { "BZPOPMAX", 1, false }, { "BZPOPMIN", 1, false },
	{ "CLIENT", 0, true }, { "CLUSTER", 0, true }, { "COMMAND", 0, true },
	{ "CONFIG", 0, true }, { "COPY", 1, false }, { "DBSIZE", 0, false },
	{ "DEBUG", 0, true }, { "DECR", 1, false }, { "DECRBY", 1, false }, { "DEL", 1, false },
	{ "DISCARD", 0, false }, { "DUMP", 1, false }, { "ECHO", 0, false },
	{ "EVAL", 3, false }, { "EVALSHA", 3, false }, { "EVALSHA_RO", 3, false },
	{ "EVAL_RO", 3, false }, { "EXEC", 0, false }, { "EXISTS", 1, false },
	{ "EXPIRE", 1, false }, { "EXPIREAT", 1, false }, { "EXPIRETIME", 1, false },
	{ "FAILOVER", 0, false }, { "FCALL", 3, false }, { "FCALL_RO", 3, false },
	{ "FLUSHALL", 0, false }, { "FLUSHDB", 0, false }, { "FUNCTION", 0, true },
	{ "GEOADD", 1, false }, { "GEODIST", 1, false }, { "GEOHASH", 1, false },
	{ "GEOPOS", 1, false }, { "GEORADIUS", 1, false }, { "GEORADIUSBYMEMBER", 1, false },
	{ "GEORADIUSBYMEMBER_RO", 1, false }, { "GEORADIUS_RO", 1, false },
	{ "GEOSEARCH", 1, false }, { "GEOSEARCHSTORE", 1, false }, { "GET", 1, false },
	{ "GETBIT", 1, false }, { "GETDEL", 1, false }, { "GETEX", 1, false },
	{ "GETRANGE", 1, false }, { "GETSET", 1, false }, { "HDEL", 1, false },
	{ "HELLO", 0, false }, { "HEXISTS", 1, false }, { "HEXPIRE", 1, false },
	{ "HGET", 1, false }, { "HGETALL", 1, false }, { "HINCRBY", 1, false },
	{ "HINCRBYFLOAT", 1, false }, { "HKEYS", 1, false }, { "HLEN", 1, false },
	{ "HMGET", 1, false }, { "HMSET", 1, false }, { "HPERSIST", 1, false },
	{ "HPEXPIRE", 1, false }, { "HPTTL", 1, false }, { "HRANDFIELD", 1, false },
	{ "HSCAN", 1, false }, { "HSET", 1, false }, { "HSETNX", 1, false },
	{ "HSTRLEN", 1, false }, { "HTTL", 1, false }, { "HVALS", 1, false },
	{ "INCR", 1, false }, { "INCRBY", 1, false }, { "INCRBYFLOAT", 1, false },
	{ "INFO", 0, false }, { "KEYS", 0, false }, { "LASTSAVE", 0, false },
	{ "LATENCY", 0, true }, { "LINDEX", 1, false }, { "LINSERT", 1, false },
	{ "LLEN", 1, false }, { "LMOVE", 1, false }, { "LMPOP", 2, false },
	{ "LOLWUT", 0, false }, { "LPOP", 1, false }, { "LPOS", 1, false },
	{ "LPUSH", 1, false }, { "LPUSHX", 1, false }, { "LRANGE", 1, false },
	{ "LREM", 1, false }, { "LSET", 1, false }, { "LTRIM", 1, false }, { "MEMORY", 2, true },
	{ "MGET", 1, false }, { "MIGRATE", 3, false }, { "MODULE", 0, true },
	{ "MONITOR", 0, false }, { "MOVE", 1, false }, { "MSET", 1, false },
	{ "MSETNX", 1, false }, { "MULTI", 0, false }, { "OBJECT", 2, true },
	{ "PERSIST", 1, false }, { "PEXPIRE", 1, false }, { "PEXPIREAT", 1, false },
	{ "PEXPIRETIME", 1, false }, { "PFADD", 1, false }, { "PFCOUNT", 1, false },
	{ "PFMERGE", 1, false }, { "PING", 0, false }, { "PSETEX", 1, false },
	{ "PSUBSCRIBE", 0, false }, { "PSYNC", 0, false }, { "PTTL", 1, false },
	{ "PUBLISH", 0, false }, { "PUBSUB", 0, true }, { "PUNSUBSCRIBE", 0, false },
	{ "QUIT", 0, false }, { "RANDOMKEY", 0, false }, { "READONLY", 0, false },
	{ "READWRITE", 0, false }, { "RENAME", 1, false }, { "RENAMENX", 1, false },
	{ "REPLCONF", 0, false }, { "REPLICAOF", 0, false }, { "RESET", 0, false },
	{ "RESTORE", 1, false }, { "ROLE", 0, false }, { "RPOP", 1, false },
	{ "RPOPLPUSH", 1, false }, { "RPUSH", 1, false }, { "RPUSHX", 1, false },
	{ "SADD", 1, false }, { "SAVE", 0, false }, { "SCAN", 0, false }, { "SCARD", 1, false },
	{ "SCRIPT", 0, true }, { "SDIFF", 1, false }, { "SDIFFSTORE", 1, false },
	{ "SELECT", 0, false }, { "SENTINEL", 0, true }, { "SET", 1, false },
	{ "SETBIT", 1, false }, { "SETEX", 1, false }, { "SETNX", 1, false },
	{ "SETRANGE", 1, false }, { "SHUTDOWN", 0, false }, { "SINTER", 1, false },
	{ "SINTERCARD", 2, false }, { "SINTERSTORE", 1, false }, { "SISMEMBER", 1, false },
	{ "SLAVEOF", 0, false }, { "SLOWLOG", 0, true }, { "SMEMBERS", 1, false },
	{ "SMISMEMBER", 1, false }, { "SMOVE", 1, false }, { "SORT", 1, false },
	{ "SORT_RO", 1, false }, { "SPOP", 1, false }, { "SPUBLISH", 0, false },
	{ "SRANDMEMBER", 1, false }, { "SREM", 1, false }, { "SSCAN", 1, false },
	{ "SSUBSCRIBE", 0, false }, { "STRLEN", 1, false }, { "SUBSCRIBE", 0, false },
	{ "SUBSTR", 1, false }, { "SUNION", 1, false }, { "SUNIONSTORE", 1, false },
	{ "SUNSUBSCRIBE", 0, false }, { "SWAPDB", 0, false }, { "SYNC", 0, false },
	{ "TIME", 0, false }, { "TOUCH", 1, false }, { "TTL", 1, false }, { "TYPE", 1, false },
	{ "UNLINK", 1, false }, { "UNSUBSCRIBE", 0, false }, { "UNWATCH", 0, false },
	{ "WAIT", 0, false }, { "WAITAOF", 0, false }, { "WATCH", 1, false },
	{ "XACK", 1, false }, { "XADD", 1, false }, { "XAUTOCLAIM", 1, false },
	{ "XCLAIM", 1, false }, { "XDEL", 1, false }, { "XGROUP", 2, true },
	{ "XINFO", 2, true }, { "XLEN", 1, false }, { "XPENDING", 1, false },
	{ "XRANGE", 1, false }, { "XREAD", 0, false }, { "XREADGROUP", 0, false },
	{ "XREVRANGE", 1, false }, { "XSETID", 1, false }, { "XTRIM", 1, false },
	{ "ZADD", 1, false }, { "ZCARD", 1, false }, { "ZCOUNT", 1, false },
	{ "ZDIFF", 2, false }, { "ZDIFFSTORE", 1, false }, { "ZINCRBY", 1, false },
	{ "ZINTER", 2, false }, { "ZINTERCARD", 2, false }, { "ZINTERSTORE", 1, false },
	{ "ZLEXCOUNT", 1, false }, { "ZMPOP", 2, false }, { "ZMSCORE", 1, false },
	{ "ZPOPMAX", 1, false }, { "ZPOPMIN", 1, false }, { "ZRANDMEMBER", 1, false },
	{ "ZRANGE", 1, false }, { "ZRANGEBYLEX", 1, false }, { "ZRANGEBYSCORE", 1, false },
	{ "ZRANGESTORE", 1, false }, { "ZRANK", 1, false }, { "ZREM", 1, false },
	{ "ZREMRANGEBYLEX", 1, false }, { "ZREMRANGEBYRANK", 1, false },
	{ "ZREMRANGEBYSCORE", 1, false }, { "ZREVRANGE", 1, false },
	{ "ZREVRANGEBYLEX", 1, false }, { "ZREVRANGEBYSCORE", 1, false },
	{ "ZREVRANK", 1, false }, { "ZSCAN", 1, false }, { "ZSCORE", 1, false },
	{ "ZUNION", 2, false }, { "ZUNIONSTORE", 1, false },
};
/* clang-format on */

enum xc_redis_verdict xc_redis_number(struct xc_span in, int64_t *ret_value, size_t *ret_len)
{
	bool is_negative = in.len > 1 && in.p[1] == '-';
	size_t i = 1 + is_negative, first = i;
	int64_t x = 0;

	for (; i < in.len && isdigit(in.p[i]) && i - first < 12; i++)
		x = x * 10 + (in.p[i] - '0');
	if (i == in.len)
		return XC_REDIS_MAYBE;
	if (i == first || in.p[i] != '\r')
		return XC_REDIS_NO;
	if (i + 1 == in.len)
		return XC_REDIS_MAYBE;
	*ret_value = is_negative ? -x : x;
	*ret_len = i + 2;
	return in.p[i + 1] == '\n' ? XC_REDIS_YES : XC_REDIS_NO;
}

enum xc_redis_verdict xc_redis_bulk(struct xc_span in, uint64_t *ret_len, size_t *ret_head)
{
	int64_t n = 0;
	enum xc_redis_verdict v;

	if (in.len && in.p[0] != '$')
		return XC_REDIS_NO;
	v = in.len ? xc_redis_number(in, &n, ret_head) : XC_REDIS_MAYBE;
	if (v == XC_REDIS_YES && (n < 0 || n > XC_REDIS_BULK_MAX))
		return XC_REDIS_NO;
	*ret_len = (uint64_t)n;
	return v;
}

bool xc_redis_is_word(struct xc_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!isalnum(s.p[i]) && (!i || !memchr("._-|", s.p[i], 4)))
			return false;
	return s.len && s.len <= XC_REDIS_WORD_MAX && !isdigit(s.p[0]);
}

static int compare(const void *key, const void *row)
{
	return strcmp(key, ((const struct xc_redis_command *)row)->name);
}

void xc_redis_upper(struct xc_span s, char out[XC_REDIS_WORD_MAX + 1])
{
	size_t n = s.len < XC_REDIS_WORD_MAX ? s.len : XC_REDIS_WORD_MAX;

	for (size_t i = 0; i < n; i++)
		out[i] = (char)toupper(s.p[i]);
	out[n] = '\0';
}

const struct xc_redis_command *xc_redis_command(struct xc_span word)
{
	char name[XC_REDIS_WORD_MAX + 1];

	if (!xc_redis_is_word(word))
		return NULL;
	xc_redis_upper(word, name);
	return bsearch(name, commands, ARRAY_SIZE(commands), sizeof(commands[0]), compare);
}

struct xc_span xc_redis_next_word(struct xc_span *line)
{
	size_t at = 0, end;

	while (at < line->len && isspace(line->p[at]))
		at++;
	end = at;
	while (end < line->len && !isspace(line->p[end]))
		end++;
	at = end - at;
	*line = xc_span_from(*line, end);
	return (struct xc_span){ line->p - at, at };
}

enum xc_redis_verdict xc_redis_is_array(struct xc_span in, struct xc_span *ret_word)
{
	int64_t n = 0;
	size_t head = 0;
	enum xc_redis_verdict v = xc_redis_number(in, &n, &head);

	*ret_word = (struct xc_span){ 0 };
	if (in.p[0] != '*' || v != XC_REDIS_YES)
		return in.p[0] == '*' ? v : XC_REDIS_NO;
	if (n < 1 || n > ARGS_MAX)
		return XC_REDIS_NO;
	in = xc_span_from(in, head);
	for (int64_t i = 0; i < n; i++) {
		uint64_t len;

		v = xc_redis_bulk(in, &len, &head);
		if (v != XC_REDIS_YES)
			return v;
		in = xc_span_from(in, head);
		if (!i && (len > XC_REDIS_WORD_MAX || !len))
			return XC_REDIS_NO;
		if (!i && in.len >= len)
			*ret_word = xc_span_first(in, (size_t)len);
		if (!i && ret_word->len && !xc_redis_is_word(*ret_word))
			return XC_REDIS_NO;
		if (in.len < len + 2)
			return XC_REDIS_MAYBE;
		if (in.p[len] != '\r' || in.p[len + 1] != '\n')
			return XC_REDIS_NO;
		in = xc_span_from(in, (size_t)len + 2);
	}
	return XC_REDIS_YES;
}

bool xc_redis_is_inline(struct xc_span in)
{
	const uint8_t *end = memchr(in.p, '\n', in.len);
	struct xc_span line = { in.p, end ? (size_t)(end - in.p) : 0 };
	bool has_version = false;

	for (size_t i = 0; i < line.len; i++) {
		if (line.p[i] < ' ' && line.p[i] != '\r')
			return false;
		has_version |= xc_span_starts(xc_span_from(line, i), " HTTP/");
	}
	return line.len && !has_version && !isspace(line.p[0]) &&
	       xc_redis_command(xc_redis_next_word(&line));
}
