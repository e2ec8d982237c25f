/* SPDX-License-Identifier: Apache-2.0 */
/* The nftables evaluator: one ruleset, one packet, the rules that could have dropped it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meta/nft.h"
#include "test_ruleset_packet.h"

#define JSON_MAX 16384

/* JSON with ' for ", as nft 1.0.6 prints it. */
#define PAY(p, f) "{'payload':{'protocol':'" p "','field':'" f "'}}"
#define META(k) "{'meta':{'key':'" k "'}}"
#define ORIG(k) "{'ct':{'key':'" k "','dir':'original'}}"
#define CTSTATE "{'ct':{'key':'state'}}"
#define AND(l, m) "{'&':[" l "," m "]}"
#define CONCAT(a, b) "{'concat':[" a "," b "]}"
#define SET(elems) "{'set':[" elems "]}"
#define RANGE(a, b) "{'range':[" a "," b "]}"
#define PREFIX(a, n) "{'prefix':{'addr':'" a "','len':" n "}}"
#define OP(op, l, r) "{'match':{'op':'" op "','left':" l ",'right':" r "}}"
#define IS(l, r) OP("==", l, r)
#define NOT(l, r) OP("!=", l, r)
#define IN(l, r) OP("in", l, r)
#define DPORT(n) IS(PAY("tcp", "dport"), n)
#define VMAP(k, d) "{'vmap':{'key':" k ",'data':" d "}}"
#define DROP "{'drop':null}"
#define ACCEPT "{'accept':null}"
#define RETURN "{'return':null}"
/* The one rule of a row: condition, drop. */
#define WHEN(cond) .rules = { cond "," DROP }
#define JUMP(c) "{'jump':{'target':'" c "'}}"
#define GOTO(c) "{'goto':{'target':'" c "'}}"
#define REJECT(t) "{'reject':{'type':'" t "','expr':'port-unreachable'}}"
#define LIMIT "{'limit':{'rate':5,'burst':5,'per':'second'}}"
#define COUNTER(n) "{'counter':{'packets':" n ",'bytes':0}}"
#define NAMED(kind, name, elem)                                                                    \
	"{'" kind "':{'family':'inet','table':'f','name':'" name "','elem':[" elem "]}}"

#define SYN80 "tcp 10.0.0.1|4000 10.0.0.2|80"
#define UDP53 "udp 10.0.0.1|4000 10.0.0.2|53"
#define SYN80_6 "tcp fd00::1|4000 fd00::2|80"
#define PING "icmp 10.0.0.1 10.0.0.2 type=8"

struct row {
	const char *what;
	const char *packet;
	const char *want;
	const char *policy;	/* NULL = accept */
	const char *rules[6];	/* chain "in", handles 1 .. */
	const char *sub[4];	/* chain "sub", handles 11 .. */
	const char *extra;	/* sets and maps */
};

static void append_rules(char *json, const char *chain, const char *const *rules, size_t max,
			 int handle)
{
	for (size_t i = 0; i < max && rules[i]; i++) {
		size_t n = strlen(json);

		(void)snprintf(json + n, JSON_MAX - n,
			       ",{'rule':{'family':'inet','table':'f','chain':'%s',"
			       "'handle':%d,'expr':[%s]}}",
			       chain, handle + (int)i, rules[i]);
	}
}

static void to_json(char *s)
{
	for (; *s; s++)
		if (*s == '\'')
			*s = '"';
}

/* One table "inet f": base chains "in" (input) and "out" (output), chain "sub". */
static void compose(char json[JSON_MAX], const struct row *row)
{
	(void)snprintf(json, JSON_MAX,
		       "{'nftables':[{'metainfo':{}},{'table':{'family':'inet','name':'f'}},"
		       "{'chain':{'family':'inet','table':'f','name':'sub'}},"
		       "{'chain':{'family':'inet','table':'f','name':'in','type':'filter',"
		       "'hook':'%s','prio':0,'policy':'%s'}}%s%s",
		       strstr(row->packet, "hook=out") ? "output" :
		       strstr(row->packet, "hook=fwd") ? "forward" :
							 "input",
		       row->policy ? row->policy : "accept", row->extra ? "," : "",
		       row->extra ? row->extra : "");
	append_rules(json, "in", row->rules, 6, 1);
	append_rules(json, "sub", row->sub, 4, 11);
	(void)strncat(json, "]}", JSON_MAX - strlen(json) - 1);
	to_json(json);
}

static void evaluate(const char *json, const char *spec, char got[LIST_MAX])
{
	struct xc_packet p = packet(spec);
	struct xc_candidates c;
	struct xc_nft *nft = NULL;

	assert_int_equal(xc_nft_parse(json, &nft), 0);
	xc_candidates_init(&c);
	xc_nft_eval(nft, &p, &c);
	result(&c, got);
	xc_nft_free(nft);
}

static void check(const struct row *rows, size_t n)
{
	char json[JSON_MAX], got[LIST_MAX];

	for (size_t i = 0; i < n; i++) {
		compose(json, &rows[i]);
		evaluate(json, rows[i].packet, got);
		if (strcmp(got, rows[i].want))
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].what, got, rows[i].want);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_verdicts(void **state)
{
	static const struct row rows[] = {
		{ "drop", SYN80, "1!", WHEN(DPORT("80")) },
		{ "other port", SYN80, "", WHEN(DPORT("81")) },
		{ "udp has no tcp port", UDP53, "", WHEN(DPORT("53")) },
		{ "not even with !=", UDP53, "", WHEN(NOT(PAY("tcp", "dport"), "80")) },
		{ "accept first", SYN80, "", .rules = { DPORT("80") "," ACCEPT, DROP } },
		{ "policy", SYN80, "P!", "drop", .rules = { DPORT("81") "," ACCEPT } },
		{ "rule before policy", SYN80, "1!", "drop", WHEN(DPORT("80")) },
		{ "first of two", SYN80, "1!", .rules = { DROP, DROP } },
		{ "reject", SYN80, "1!r", .rules = { REJECT("icmpx") } },
		{ "plain reject", SYN80, "1!r", .rules = { "{'reject':null}" } },
		{ "reset", SYN80, "1!R", .rules = { REJECT("tcp reset") } },
		{ "reset is for tcp", UDP53, "2!", .rules = { REJECT("tcp reset"), DROP } },
		{ "icmp is for v4", SYN80_6, "2!r", .rules = { REJECT("icmp"), REJECT("icmpv6") } },
		{ "queue may accept", SYN80, "1?q", "drop", .rules = { "{'queue':{'num':0}}" } },
		{ "continue", SYN80, "2!", .rules = { DPORT("80") ",{'continue':null}", DROP } },
		{ "log and count", SYN80, "1!", .rules = { COUNTER("3") ",{'log':null}," DROP } },
		{ "nat ends the chain", SYN80, "", "drop", .rules = { "{'masquerade':null}" } },
		{ "other hook", SYN80 " hook=post", "", "drop", .rules = { DROP } },
		{ "hook unknown", SYN80 " hook=any", "1?", .rules = { DROP } },
	};

	(void)state;
	CHECK(rows);
}

static void test_chains(void **state)
{
	static const struct row rows[] = {
		{ "jump", SYN80, "11!", .rules = { JUMP("sub") }, .sub = { DROP } },
		{ "jump comes back", SYN80, "2!", .rules = { JUMP("sub"), DROP },
		  .sub = { DPORT("81") "," DROP } },
		{ "return comes back", SYN80, "2!", .rules = { JUMP("sub"), DROP },
		  .sub = { RETURN, DROP } },
		{ "goto does not", SYN80, "P!", "drop", .rules = { GOTO("sub"), DROP },
		  .sub = { RETURN } },
		{ "return in a base chain", SYN80, "P!", "drop", .rules = { RETURN, DROP } },
		{ "accept in a sub chain", SYN80, "", "drop", .rules = { JUMP("sub"), DROP },
		  .sub = { ACCEPT } },
		{ "jump under a condition", SYN80, "2!",
		  .rules = { DPORT("81") "," JUMP("sub"), DROP }, .sub = { DROP } },
		{ "maybe a jump", SYN80, "2! 11?", .rules = { LIMIT "," JUMP("sub"), DROP },
		  .sub = { DROP } },
		{ "maybe accepted there", SYN80, "2!", .rules = { JUMP("sub"), DROP },
		  .sub = { LIMIT "," ACCEPT } },
		{ "same rule twice", SYN80, "11!", .rules = { LIMIT "," JUMP("sub"), JUMP("sub") },
		  .sub = { DROP } },
		{ "unknown chain", SYN80, "2!", .rules = { JUMP("gone"), DROP } },
		{ "endless loop", SYN80, "P!", "drop", .rules = { JUMP("sub") },
		  .sub = { JUMP("sub") } },
		{ "chain as text", SYN80, "2! 1?",
		  .rules = { "'jump {\\n\\t\\t\\ttcp dport 80 drop\\n\\t\\t}'", DROP } },
	};

	(void)state;
	CHECK(rows);
}

static void test_fields(void **state)
{
	static const struct row rows[] = {
		{ "saddr", SYN80, "1!", WHEN(IS(PAY("ip", "saddr"), "'10.0.0.1'")) },
		{ "near miss", SYN80, "", WHEN(IS(PAY("ip", "saddr"), "'10.0.0.2'")) },
		{ "prefix", SYN80, "1!", WHEN(IS(PAY("ip", "saddr"), PREFIX("10.0.0.0", "30"))) },
		{ "prefix miss", SYN80, "",
		  WHEN(IS(PAY("ip", "saddr"), PREFIX("10.0.0.2", "31"))) },
		{ "not prefix", SYN80, "", WHEN(NOT(PAY("ip", "saddr"), PREFIX("10.0.0.0", "8"))) },
		{ "range", SYN80, "1!",
		  WHEN(IS(PAY("ip", "saddr"), RANGE("'10.0.0.1'", "'10.0.0.9'"))) },
		{ "masked", SYN80, "1!",
		  WHEN(IS(AND(PAY("ip", "daddr"), "'0.0.0.255'"), "'0.0.0.2'")) },
		{ "v6", SYN80_6, "1!", WHEN(IS(PAY("ip6", "saddr"), PREFIX("fd00::", "8"))) },
		{ "v6 miss", SYN80_6, "", WHEN(IS(PAY("ip6", "daddr"), "'fd00::3'")) },
		{ "v4 rule, v6 packet", SYN80_6, "", WHEN(NOT(PAY("ip", "saddr"), "'1.1.1.1'")) },
		{ "nfproto", SYN80_6, "2!",
		  .rules = { IS(META("nfproto"), "'ipv4'") "," DROP,
			     IS(META("nfproto"), "'ipv6'") "," DROP } },
		{ "ethertype", SYN80, "2!",
		  .rules = { IS(META("protocol"), "'ip6'") "," DROP,
			     IS(META("protocol"), "'ip'") "," DROP } },
		{ "l4proto", UDP53, "1!", WHEN(IS(META("l4proto"), "'udp'")) },
		{ "th", UDP53, "1!", WHEN(IS(PAY("th", "dport"), "53")) },
		{ "ip protocol", UDP53, "", WHEN(IS(PAY("ip", "protocol"), "'tcp'")) },
		{ "greater", SYN80, "1!", WHEN(OP(">", PAY("tcp", "sport"), "1023")) },
		{ "not less", SYN80, "", WHEN(OP("<", PAY("tcp", "sport"), "4000")) },
		{ "at most", SYN80, "1!", WHEN(OP("<=", PAY("tcp", "sport"), "4000")) },
		{ "ping", PING, "1!", WHEN(IS(PAY("icmp", "type"), "'echo-request'")) },
		{ "icmp code", "icmp 10.0.0.1 10.0.0.2 type=3 code=13", "1!",
		  WHEN(IS(PAY("icmp", "code"), "'admin-prohibited'")) },
		{ "icmpv6", "icmp6 fe80::1 fe80::2 type=135", "1!",
		  WHEN(IS(PAY("icmpv6", "type"), "'nd-neighbor-solicit'")) },
		{ "ttl", SYN80 " ttl=3", "1!", WHEN(OP("<", PAY("ip", "ttl"), "5")) },
		{ "ttl not known", SYN80, "1?", WHEN(OP("<", PAY("ip", "ttl"), "5")) },
		{ "length", SYN80 " len=60", "", WHEN(OP(">", META("length"), "1000")) },
		{ "device", SYN80, "1!", WHEN(IS(META("iifname"), "'eth*'")) },
		{ "device miss", SYN80, "", WHEN(IS(META("iif"), "'lo'")) },
		{ "no outgoing device", SYN80, "1!", WHEN(NOT(META("oifname"), "'eth1'")) },
		{ "asterisk is a letter", SYN80 " iif=a*", "1!",
		  WHEN(IS(META("iifname"), "'a\\\\*'")) },
		{ "device index", SYN80, "1?", WHEN(IS(META("iif"), "7")) },
		{ "uid", SYN80 " hook=out uid=1000", "1!", WHEN(IS(META("skuid"), "1000")) },
		{ "uid not known", SYN80 " hook=out", "1?", WHEN(IS(META("skuid"), "1000")) },
		{ "forwarded: no owner", SYN80 " hook=fwd", "", WHEN(NOT(META("skuid"), "0")) },
	};

	(void)state;
	CHECK(rows);
}

static void test_more_fields(void **state)
{
	static const struct row rows[] = {
		{ "echo id", "icmp 10.0.0.1|77 10.0.0.2 type=8", "1!",
		  WHEN(IS(PAY("icmp", "id"), "77")) },
		{ "no echo, no id", "icmp 10.0.0.1|77 10.0.0.2 type=3", "1?",
		  WHEN(IS(PAY("icmp", "id"), "77")) },
		{ "icmpv6 code", "icmp6 fe80::1 fe80::2 type=1 code=4", "1!",
		  WHEN(IS(PAY("icmpv6", "code"), "'port-unreachable'")) },
		{ "hop limit", SYN80_6 " ttl=1", "1!", WHEN(IS(PAY("ip6", "hoplimit"), "1")) },
		{ "payload length", SYN80_6 " len=100", "1!",
		  WHEN(IS(PAY("ip6", "length"), "60")) },
		{ "total length", SYN80 " len=100", "1!",
		  WHEN(IS(PAY("ip", "length"), RANGE("20", "100"))) },
		{ "version", SYN80_6, "1!", WHEN(IS(PAY("ip6", "version"), "6")) },
		{ "group", SYN80 " hook=out gid=5", "1!", WHEN(IS(META("skgid"), "5")) },
		{ "loopback", SYN80 " iif=lo", "1!", WHEN(IS(META("iiftype"), "772")) },
		{ "type of another device", SYN80, "1?", WHEN(IS(META("iiftype"), "772")) },
		{ "other header", SYN80, "2?",
		  .rules = { IS(PAY("gre", "flags"), "0") "," DROP,
			     IS(PAY("ether", "saddr"), "'00:11:22:33:44:55'") "," DROP } },
		{ "arp never", SYN80, "", WHEN(NOT(PAY("arp", "htype"), "1")) },
		{ "ports of gre", "gre 10.0.0.1 10.0.0.2", "1?",
		  WHEN(IS(PAY("th", "dport"), "80")) },
		{ "raw payload", SYN80, "1?",
		  WHEN(IS("{'payload':{'base':'nh','offset':8,'len':8}}", "5")) },
		{ "shifted", SYN80 " mark=0x100", "1!",
		  WHEN(IS("{'>>':[" META("mark") ",8]}", "1")) },
		{ "or, xor, left", SYN80 " mark=1", "1!",
		  WHEN(IS("{'^':[{'|':[{'<<':[" META("mark") ",4]},1]},16]}", "1")) },
		{ "original v6", "tcp fd00::1|4 fd00::2|80 odst=fd00::9|8080", "5!",
		  .rules = { IS(ORIG("ip6 saddr"), "'fd00::7'") "," ACCEPT,
			     IS(ORIG("ip6 daddr"), "'fd00::7'") "," ACCEPT,
			     IS(ORIG("proto-dst"), "80") "," ACCEPT,
			     IS(ORIG("proto-src"), "5") "," ACCEPT, DROP } },
		{ "original v4 of v6", "tcp fd00::1|4 fd00::2|80 odst=fd00::9|8080", "",
		  WHEN(IS(ORIG("ip saddr"), "'1.1.1.1'")) },
		{ "before nat", SYN80 " hook=out odst=10.9.9.9|80", "1!",
		  WHEN(IS(PAY("ip", "daddr"), "'10.0.0.2'")) },
		{ "synproxy", SYN80, "1?", .rules = { "{'synproxy':{'mss':1460}}" } },
		{ "fwd takes it away", SYN80, "", "drop", .rules = { "{'fwd':{'dev':'lo'}}" } },
		{ "meter", SYN80, "1?",
		  WHEN("{'set':{'op':'update','elem':5,'set':'@s','stmt':[" LIMIT "]}}") },
		{ "xt targets", SYN80, "4! 2?q",
		  .rules = { "{'xt':{'type':'target','name':'WONDER'}}",
			     LIMIT ",{'xt':{'type':'target','name':'NFQUEUE'}}",
			     DPORT("1") ",{'xt':{'type':'target','name':'MASQUERADE'}}",
			     "{'xt':{'type':'target','name':'TARPIT'}}" } },
		{ "xt nat", SYN80, "", "drop",
		  .rules = { "{'xt':{'type':'target','name':'MASQUERADE'}}" } },
		{ "anonymous chain that rejects", SYN80, "1?r", .rules = { "'jump {reject}'" } },
		{ "chain without a name", SYN80, "1?", .rules = { "{'jump':null}" } },
	};

	(void)state;
	CHECK(rows);
}

#define FLAGS PAY("tcp", "flags")

static void test_bits(void **state)
{
	static const struct row rows[] = {
		{ "syn only", SYN80, "1!",
		  WHEN(IS(AND(FLAGS, "['fin','syn','rst','ack']"), "'syn'")) },
		{ "syn-ack is not", SYN80 " flags=0x12", "",
		  WHEN(IS(AND(FLAGS, "['fin','syn','rst','ack']"), "'syn'")) },
		{ "as newer nft writes it", SYN80 " flags=0x12", "1!",
		  WHEN(IS(AND(FLAGS, "{'|':['syn','ack']}"), "{'|':['syn','ack']}")) },
		{ "not syn", SYN80 " flags=0x10", "1!",
		  WHEN(NOT(AND(FLAGS, "['fin','syn','rst','ack']"), "'syn'")) },
		{ "has syn", SYN80 " flags=0x12", "1!", WHEN(IN(FLAGS, "'syn'")) },
		{ "any of", SYN80 " flags=0x10", "1!", WHEN(IN(FLAGS, "['syn','ack']")) },
		{ "none of", SYN80 " flags=0x10", "1!", WHEN(OP("!", FLAGS, "['fin','syn']")) },
		{ "in a set", SYN80 " flags=0x12", "1!",
		  WHEN(IS(FLAGS, SET("'syn',{'|':['syn','ack']}"))) },
		{ "number", SYN80 " flags=0x12", "", WHEN(NOT(FLAGS, "18")) },
		{ "mark", SYN80 " mark=0x110", "1!", WHEN(IS(AND(META("mark"), "255"), "16")) },
		{ "mark miss", SYN80 " mark=0x11", "", WHEN(IS(META("mark"), "16")) },
		{ "mark is changed on the way", SYN80, "1?",
		  .rules = { IS(META("mark"), "16") "," DROP,
			     "{'mangle':{'key':" META("mark") ",'value':5}}" } },
		{ "mark prefix", SYN80 " mark=0x1ff", "1!",
		  WHEN(IS(META("mark"), "{'prefix':{'addr':256,'len':24}}")) },
	};

	(void)state;
	CHECK(rows);
}

#define CTMAP SET("['invalid'," DROP "],['established'," ACCEPT "]")

static void test_conntrack(void **state)
{
	static const struct row rows[] = {
		{ "established is accepted", SYN80 " ct=est", "", "drop",
		  .rules = { IN(CTSTATE, "['established','related']") "," ACCEPT } },
		{ "new is not", SYN80, "P!", "drop",
		  .rules = { IN(CTSTATE, "['established','related']") "," ACCEPT } },
		{ "invalid", SYN80 " ct=none", "1!", WHEN(IN(CTSTATE, "'invalid'")) },
		{ "new is valid", SYN80, "", WHEN(IN(CTSTATE, "'invalid'")) },
		{ "in a set", SYN80 " ct=none", "1!", WHEN(IS(CTSTATE, SET("'invalid','new'"))) },
		{ "not equal", SYN80, "1!", WHEN(NOT(CTSTATE, "'established'")) },
		{ "vmap", SYN80 " ct=none", "1!", .rules = { VMAP(CTSTATE, CTMAP) } },
		{ "vmap accepts", SYN80 " ct=est", "", "drop", .rules = { VMAP(CTSTATE, CTMAP) } },
		{ "not known", SYN80 " ct=unknown", "1?", WHEN(IN(CTSTATE, "'invalid'")) },
		{ "perhaps untracked", SYN80 " ct=none", "1?",
		  .rules = { IN(CTSTATE, "'invalid'") "," DROP, DPORT("1") ",{'notrack':null}" } },
		{ "either way", SYN80 " ct=none", "1!",
		  .rules = { IN(CTSTATE, "['invalid','untracked']") "," DROP,
			     DPORT("1") ",{'notrack':null}" } },
		{ "neither way", SYN80 " ct=none", "2!",
		  .rules = { IN(CTSTATE, "'new'") "," ACCEPT, DROP, "{'notrack':null}" } },
		{ "neighbours are untracked", "icmp6 fe80::1 fe80::2 type=135 ct=none", "2!",
		  .rules = { IN(CTSTATE, "'invalid'") "," DROP,
			     IN(CTSTATE, "'untracked'") "," DROP } },
		{ "original address", SYN80 " odst=10.9.9.9|8080", "1!",
		  WHEN(IS(ORIG("ip daddr"), "'10.9.9.9'")) },
		{ "original not known", SYN80, "1?", WHEN(IS(ORIG("proto-dst"), "80")) },
	};

	(void)state;
	CHECK(rows);
}

#define SADDR_DPORT CONCAT(PAY("ip", "saddr"), PAY("tcp", "dport"))

static void test_sets(void **state)
{
	static const struct row rows[] = {
		{ "anonymous", SYN80, "1!",
		  WHEN(IS(PAY("tcp", "dport"), SET("22"
						   "," RANGE("80", "90")))) },
		{ "not in it", SYN80, "",
		  WHEN(NOT(PAY("tcp", "dport"), SET("22"
						    "," RANGE("80", "90")))) },
		{ "named", SYN80, "1!", WHEN(IS(PAY("ip", "saddr"), "'@bad'")),
		  .extra = NAMED("set", "bad", "'1.2.3.4'," PREFIX("10.0.0.0", "8")) },
		{ "named miss", SYN80, "", WHEN(IS(PAY("ip", "saddr"), "'@bad'")),
		  .extra = NAMED("set", "bad", "'1.2.3.4'," RANGE("'10.0.0.2'", "'10.0.0.9'")) },
		{ "element with timeout", SYN80, "1!", WHEN(IS(PAY("ip", "saddr"), "'@bad'")),
		  .extra = NAMED("set", "bad", "{'elem':{'val':'10.0.0.1','timeout':600}}") },
		{ "empty set", SYN80, "", WHEN(IS(PAY("ip", "saddr"), "'@bad'")),
		  .extra = NAMED("set", "bad", "") },
		{ "set is gone", SYN80, "1?", WHEN(IS(PAY("ip", "saddr"), "'@bad'")) },
		{ "packets fill it", SYN80, "2?",
		  .rules = { "{'set':{'op':'add','elem':" PAY("ip", "saddr") ",'set':'@bad'}}",
			     IS(PAY("ip", "saddr"), "'@bad'") "," DROP },
		  .extra = NAMED("set", "bad", "'1.2.3.4'") },
		{ "catch-all", SYN80, "1!", WHEN(IS(PAY("ip", "saddr"), "'@bad'")),
		  .extra = NAMED("set", "bad", "'1.2.3.4','*'") },
		{ "concat", SYN80, "1!",
		  WHEN(IS(SADDR_DPORT, SET(CONCAT(PREFIX("10.0.0.0", "8"), "80")))) },
		{ "concat miss", SYN80, "",
		  WHEN(IS(SADDR_DPORT, SET(CONCAT("'10.0.0.1'", "81")))) },
		{ "not concat", SYN80, "1!",
		  WHEN(NOT(SADDR_DPORT, SET(CONCAT("'10.0.0.1'", "81")))) },
		{ "concat of something absent", UDP53, "",
		  WHEN(NOT(SADDR_DPORT, SET(CONCAT("'10.0.0.1'", "81")))) },
		{ "devices", SYN80, "1!", WHEN(IS(META("iifname"), SET("'lo','eth*'"))) },
	};

	(void)state;
	CHECK(rows);
}

static void test_verdict_maps(void **state)
{
	static const struct row rows[] = {
		{ "drop", SYN80, "1!",
		  .rules = { VMAP(PAY("tcp", "dport"), SET("[" RANGE("1", "90") "," DROP "]")) } },
		{ "miss goes on", SYN80, "2!",
		  .rules = { VMAP(PAY("tcp", "dport"), SET("[22," DROP "]")), DROP } },
		{ "jump", SYN80, "11!",
		  .rules = { VMAP(PAY("tcp", "dport"), SET("[80," JUMP("sub") "]")) },
		  .sub = { DROP } },
		{ "named", SYN80, "1!", .rules = { VMAP(PAY("tcp", "dport"), "'@m'") },
		  .extra = NAMED("map", "m", "[22," ACCEPT "],[80," DROP "]") },
		{ "catch-all comes last", SYN80, "", "drop",
		  .rules = { VMAP(PAY("tcp", "dport"), "'@m'") },
		  .extra = NAMED("map", "m", "['*'," DROP "],[80," ACCEPT "]") },
		{ "catch-all", SYN80, "1!", .rules = { VMAP(PAY("tcp", "dport"), "'@m'") },
		  .extra = NAMED("map", "m", "['*'," DROP "],[81," ACCEPT "]") },
		{ "concat", SYN80, "1!",
		  .rules = { VMAP(CONCAT(META("l4proto"), PAY("th", "dport")),
				  SET("[" CONCAT("'tcp'", "80") "," DROP "]")) } },
		{ "goto", SYN80, "P!", "drop",
		  .rules = { VMAP(PAY("tcp", "dport"), SET("[80," GOTO("sub") "]")), DROP } },
		{ "dice", SYN80, "1?",
		  .rules = { VMAP("{'numgen':{'mode':'random','mod':2,'offset':0}}",
				  SET("[0," DROP "],[1," ACCEPT "]")) } },
		{ "map is gone", SYN80, "2!",
		  .rules = { VMAP(PAY("tcp", "dport"), "'@m'"), DROP } },
	};

	(void)state;
	CHECK(rows);
}

static void test_could_have(void **state)
{
	static const struct row rows[] = {
		{ "limit", SYN80, "1?", WHEN(LIMIT) },
		{ "limit, then policy", SYN80, "P! 1?", "drop", WHEN(LIMIT) },
		{ "limited accept", SYN80, "2!", .rules = { LIMIT "," ACCEPT, DROP } },
		{ "random", SYN80, "1?",
		  WHEN(OP("<", "{'numgen':{'mode':'random','mod':100,'offset':0}}", "25")) },
		{ "quota", SYN80, "1?",
		  .rules = { "{'quota':{'val':1,'val_unit':'mbytes'}}," DROP } },
		{ "unknown statement", SYN80, "1?", .rules = { "{'wonder':{'x':1}}," DROP } },
		{ "unknown and no", SYN80, "", WHEN(LIMIT "," DPORT("81")) },
		{ "xt match", SYN80, "1?",
		  .rules = { "{'xt':{'type':'match','name':'foo'}}," DROP } },
		{ "xt comment", SYN80, "1!",
		  .rules = { "{'xt':{'type':'match','name':'comment'}}," DROP } },
		{ "xt target", SYN80, "2!r",
		  .rules = { "{'xt':{'type':'target','name':'LOG'}}",
			     "{'xt':{'type':'target','name':'REJECT'}}" } },
		{ "fib", SYN80, "1?",
		  WHEN(IS("{'fib':{'result':'type','flags':['daddr']}}", "'local'")) },
	};

	(void)state;
	CHECK(rows);
}

/* Chains of several tables: priority, families, nat, devices. */
static const char many[] =
	"{'nftables':["
	"{'table':{'family':'ip','name':'a'}},{'table':{'family':'ip6','name':'b'}},"
	"{'table':{'family':'inet','name':'c'}},{'table':{'family':'netdev','name':'d'}},"
	"{'table':{'family':'bridge','name':'e'}},"
	"{'chain':{'family':'inet','table':'c','name':'late',"
	"'type':'filter','hook':'input','prio':10,'policy':'drop'}},"
	"{'chain':{'family':'ip','table':'a','name':'early',"
	"'type':'filter','hook':'input','prio':-10,'policy':'accept'}},"
	"{'chain':{'family':'ip6','table':'b','name':'six',"
	"'type':'filter','hook':'input','prio':-10,'policy':'accept'}},"
	"{'chain':{'family':'ip','table':'a','name':'nat',"
	"'type':'nat','hook':'input','prio':-20,'policy':'drop'}},"
	"{'chain':{'family':'netdev','table':'d','name':'dev','dev':'eth0',"
	"'type':'filter','hook':'ingress','prio':0,'policy':'accept'}},"
	"{'chain':{'family':'bridge','table':'e','name':'br',"
	"'type':'filter','hook':'input','prio':-100,'policy':'drop'}},"
	"{'rule':{'family':'ip','table':'a','chain':'early','handle':1,"
	"'expr':[" LIMIT "," ACCEPT "]}},"
	"{'rule':{'family':'ip','table':'a','chain':'early','handle':2,"
	"'expr':[" DPORT(
		"80") "," DROP "]}},"
		      "{'rule':{'family':'ip6','table':'b','chain':'six','handle':3,"
		      "'expr':[" DPORT(
			      "80") "," DROP "]}},"
				    "{'rule':{'family':'netdev','table':'d','chain':'dev','handle':4,"
				    "'expr':[" DPORT("7") "," DROP "]}}]}";

static void test_many_tables(void **state)
{
	static const struct {
		const char *what, *packet, *want;
	} rows[] = {
		{ "accept there means on to the next", SYN80 " ct=est", "2! P!" },
		{ "next base chain", "tcp 10.0.0.1|4000 10.0.0.2|81 ct=est", "P!" },
		{ "nat sees new ones", SYN80, "P!" },
		{ "v6 stops early", SYN80_6 " ct=est", "3!" },
		{ "device", "tcp 10.0.0.1|4 10.0.0.2|7 hook=pre", "4!" },
		{ "other device", "tcp 10.0.0.1|4 10.0.0.2|7 hook=pre iif=eth1", "" },
	};
	char json[JSON_MAX], got[LIST_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(json, sizeof(json), "%s", many);
		to_json(json);
		evaluate(json, rows[i].packet, got);
		if (strcmp(got, rows[i].want))
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].what, got, rows[i].want);
	}
}

static const char text[] =
	"table inet f { # handle 1\n"
	"\tset s { # handle 2\n\t\ttype ipv4_addr\n\t\telements = { 1.2.3.4 }\n\t}\n\n"
	"\tchain sub { # handle 9\n\t}\n\n"
	"\tchain in { # handle 3\n"
	"\t\tcomment \"my chain\"\n"
	"\t\ttype filter hook input priority filter; policy drop;\n"
	"\t\ttcp dport 81 accept comment \"# handle 2\" # handle 1\n"
	"\t\tjump {\n\t\t\ttcp dport 80 drop\n\t\t} # handle 2\n"
	"\t\ttcp dport 80 counter drop # handle 3\n"
	"\t}\n}\n";

static void test_text(void **state)
{
	static const struct row row = {
		"text",
		SYN80,
		"",
		"drop",
		.rules = { DPORT("81") "," ACCEPT, "'jump {tcp dport 80 drop}'",
			   DPORT("80") "," COUNTER("7") "," DROP },
	};
	struct xc_packet p = packet(SYN80), q = packet(UDP53);
	struct xc_nft *nft = NULL;
	struct xc_candidates c;
	char json[JSON_MAX];

	(void)state;
	compose(json, &row);
	assert_int_equal(xc_nft_parse(json, &nft), 0);
	assert_int_equal(xc_nft_add_text(nft, "table inet f {\n\tchain in {\n"), 0);
	assert_int_equal(xc_nft_add_text(nft, text), 0);
	xc_candidates_init(&c);
	xc_nft_eval(nft, &p, &c);
	assert_int_equal(xc_candidates_finish(&c), 2);
	assert_string_equal(c.r[0].text, "tcp dport 80 counter drop");
	assert_string_equal(c.r[0].engine, "nftables");
	assert_string_equal(c.r[0].table, "inet f");
	assert_string_equal(c.r[0].chain, "in");
	assert_int_equal(c.r[0].packets, 7);
	assert_int_equal(c.r[0].how, XC_RULE_EVALUATED);
	assert_string_equal(c.r[1].text, "jump { tcp dport 80 drop }");
	assert_int_equal(c.r[1].packets, -1);

	xc_candidates_init(&c);
	xc_nft_eval(nft, &q, &c);
	assert_int_equal(xc_candidates_finish(&c), 2);
	assert_string_equal(c.r[0].text, "type filter hook input priority filter; policy drop;");
	assert_true(c.r[0].is_policy);

	struct xc_rule r = { .table = "inet f", .chain = "in", .handle = 3 };

	assert_true(xc_nft_describe(nft, &r));
	assert_string_equal(r.text, "tcp dport 80 counter drop");
	assert_int_equal(r.verdict, XC_VERDICT_DROP);
	r.handle = 4;
	assert_false(xc_nft_describe(nft, &r));
	xc_nft_free(nft);
}

/* A counter that other conditions follow does not prove the rule. */
static void test_counter_place(void **state)
{
	static const struct row row = {
		"counter",
		SYN80,
		"",
		NULL,
		.rules = { COUNTER("5") "," DPORT("80") "," LIMIT "," DROP,
			   COUNTER("5") "," DPORT("80") "," COUNTER("6") "," DROP },
	};
	struct xc_packet p = packet(SYN80);
	struct xc_nft *nft = NULL;
	struct xc_candidates c;
	char json[JSON_MAX];

	(void)state;
	compose(json, &row);
	assert_int_equal(xc_nft_parse(json, &nft), 0);
	xc_candidates_init(&c);
	xc_nft_eval(nft, &p, &c);
	assert_int_equal(xc_candidates_finish(&c), 2);
	assert_int_equal(c.r[0].packets, 6);
	assert_int_equal(c.r[1].packets, -1);
	assert_string_equal(c.r[0].text, "rule handle 2");
	xc_nft_free(nft);
}

static void try_json(const char *json)
{
	static const char *const packets[] = { SYN80, UDP53 " ct=none", SYN80_6 " hook=any", PING };
	struct xc_nft *nft = NULL;
	char got[LIST_MAX];

	if (xc_nft_parse(json, &nft))
		return;
	assert_int_equal(xc_nft_add_text(nft, json), 0);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct xc_packet p = packet(packets[i]);
		struct xc_candidates c;

		xc_candidates_init(&c);
		xc_nft_eval(nft, &p, &c);
		result(&c, got);
	}
	xc_nft_free(nft);
}

/* What the harness found and what a hostile or newer nft might print: no crash, no hang. */
static void test_odd_json(void **state)
{
	static const char *const odd[] = {
		"",
		"{",
		"[]",
		"null",
		"{'nftables':null}",
		"{'nftables':[]}",
		"{'nftables':[[],1,null,{}]}",
		"{'nftables':[{'chain':null},{'rule':[]},{'set':5},{'table':{'name':5}}]}",
	};
	static const char *const exprs[] = {
		"5",
		"null",
		"[]",
		"{}",
		"{'match':null}",
		"{'match':{'op':5}}",
		"{'match':{'left':{}}}",
		"{'vmap':null}",
		"{'vmap':{'key':{},'data':{'set':[[],[1],5,[1,{}]]}}}",
		"{'jump':5}",
		"{'goto':{}}",
		"{'reject':5}",
		"{'xt':null}",
		"{'counter':'x'}",
		"{'queue':null}",
		IS(PAY("ip", "saddr"), "{'prefix':{'addr':'10.0.0.0','len':99}}"),
		IS(PAY("ip", "saddr"), "{'prefix':{'addr':'10.0.0.0','len':-1}}"),
		IS(PAY("tcp", "dport"), "{'prefix':{'addr':5,'len':17}}"),
		IS(PAY("tcp", "dport"), RANGE("'x'", "null")),
		IS("{'concat':[]}", "5"),
		IS("{'&':[]}", "5"),
		IS("{'&':5}", "5"),
		IS("{'<<':[" META("mark") ",99]}", "5"),
		IN(FLAGS, "[[['syn']]]"),
		IS(CONCAT(CTSTATE "," CTSTATE, CTSTATE), SET(CONCAT("1", "1") ","
									      "5,'*'")),
		IS(META("iifname"), "''"),
		IS(META("iifname"), "'*'"),
		OP("~", META("mark"), "5"),
	};
	char json[JSON_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		(void)snprintf(json, sizeof(json), "%s", odd[i]);
		to_json(json);
		try_json(json);
	}
	for (size_t i = 0; i < sizeof(exprs) / sizeof(exprs[0]); i++) {
		struct row row = { .packet = SYN80,
				   .policy = "drop",
				   .rules = { exprs[i], "{'notrack':null}" } };

		compose(json, &row);
		try_json(json);
	}
}

/* A small generator of its own, so that a failure repeats. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;	/* Numerical Recipes */
	return *seed >> 8;
}

static void test_damaged_json(void **state)
{
	char json[JSON_MAX], cut[JSON_MAX];
	uint32_t seed = 1;
	size_t len;

	(void)state;
	(void)snprintf(json, sizeof(json), "%s", many);
	to_json(json);
	len = strlen(json);
	for (size_t i = 0; i < len; i++) {
		memcpy(cut, json, i);
		cut[i] = '\0';
		try_json(cut);
	}
	for (int i = 0; i < 2000; i++) {
		static const char alphabet[] = "{}[]\",:0195adeilnoprstux@*|& null";

		memcpy(cut, json, len + 1);
		for (int k = 0; k < 3; k++)
			cut[next_random(&seed) % len] =
				alphabet[next_random(&seed) % (sizeof(alphabet) - 1)];
		try_json(cut);
	}
}

/* A netdev chain whose device only the text form tells; a table another engine has done. */
static void test_device_and_skip(void **state)
{
	static const char listing[] =
		"table netdev d {\n\tchain dev {\n\t\ttype filter hook ingress device \"eth7\" "
		"priority filter; policy accept;\n\t}\n}\n";
	static const struct {
		const char *packet;
		size_t want;
	} rows[] = {
		{ "tcp 10.0.0.1|4 10.0.0.2|7 hook=pre iif=eth7", 1 },
		{ "tcp 10.0.0.1|4 10.0.0.2|7 hook=pre iif=eth0", 0 },
		{ "tcp 10.0.0.1|4 10.0.0.2|7 hook=pre iif=", 1 },
	};
	struct xc_nft *nft = NULL;
	struct xc_candidates c;
	char json[JSON_MAX], *dev;

	(void)state;
	(void)snprintf(json, sizeof(json), "%s", many);
	dev = strstr(json, "'dev':'eth0',");
	memset(dev, ' ', strlen("'dev':'eth0',"));
	to_json(json);
	assert_int_equal(xc_nft_parse(json, &nft), 0);
	assert_int_equal(xc_nft_add_text(nft, listing), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xc_packet p = packet(rows[i].packet);

		xc_candidates_init(&c);
		xc_nft_eval(nft, &p, &c);
		assert_int_equal(xc_candidates_finish(&c), rows[i].want);
	}
	struct xc_packet p = packet(rows[0].packet);

	xc_nft_skip_table(nft, "netdev", "d");
	xc_candidates_init(&c);
	xc_nft_eval(nft, &p, &c);
	assert_int_equal(xc_candidates_finish(&c), 0);
	xc_nft_free(nft);
}

static void test_text_copy(void **state)
{
	char out[12];

	(void)state;
	xc_text_copy(out, sizeof(out), "\t a  b\n", 7);
	assert_string_equal(out, "a b");
	xc_text_copy(out, sizeof(out), "12345678901", 11);
	assert_string_equal(out, "12345678901");
	xc_text_copy(out, sizeof(out), "123456789012", 12);
	assert_string_equal(out, "12345678...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),      cmocka_unit_test(test_chains),
		cmocka_unit_test(test_fields),	      cmocka_unit_test(test_more_fields),
		cmocka_unit_test(test_bits),	   cmocka_unit_test(test_conntrack),
		cmocka_unit_test(test_sets),	   cmocka_unit_test(test_verdict_maps),
		cmocka_unit_test(test_could_have), cmocka_unit_test(test_many_tables),
		cmocka_unit_test(test_text),	   cmocka_unit_test(test_counter_place),
		cmocka_unit_test(test_odd_json),   cmocka_unit_test(test_damaged_json),
		cmocka_unit_test(test_text_copy),  cmocka_unit_test(test_device_and_skip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
