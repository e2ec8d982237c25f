/* SPDX-License-Identifier: Apache-2.0 */
/* What is said on the made-up connections of source/mock.c, byte for byte as the protocols have it. */
#pragma once

/* ---- DNS (RFC 1035): an address, and a name that does not exist ---------------------------------- */

static const char dns_query[] =
	"\032+\001\000\000\001\000\000\000\000\000\000\003api\007example\003com\000"
	"\000\001\000\001";

static const char dns_answer[] =
	"\032+\201\200\000\001\000\002\000\000\000\000\003api\007example\003com\000"
	"\000\001\000\001\300\014\000\001\000\001\000\000\001,\000\004\n\000\000\002"
	"\300\014\000\001\000\001\000\000\001,\000\004\n\000\000\003";

static const char dns_query_wrong[] =
	"\032,\001\000\000\001\000\000\000\000\000\000\007no-such\007example\003com"
	"\000\000\034\000\001";

static const char dns_answer_wrong[] =
	"\032,\201\203\000\001\000\000\000\000\000\000\007no-such\007example\003com"
	"\000\000\034\000\001";

/* ---- gRPC on HTTP/2 (RFC 9113): two calls, one of which fails ------------------------------------- */

static const char grpc_calls[] =
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" /* the preface */
	"\000\000\000\004\000\000\000\000\000" /* SETTINGS */
	"\000\000>\001\004\000\000\000\001\203\206\004\016/shop.Cart/Get\001\ncart:50" /* HEADERS */
	"051\017\020\020application/grpc\000\002te\010trailers"
	"\000\000\010\000\001\000\000\000\001\000\000\000\000\003\010\226\001" /* DATA */
	"\000\000C\001\004\000\000\000\003\203\206\004\023/shop.Cart/Checkout\001\nca" /* HEADERS */
	"rt:50051\017\020\020application/grpc\000\002te\010trailers"
	"\000\000\010\000\001\000\000\000\003\000\000\000\000\003\010\226\001"; /* DATA */

static const char grpc_answer[] =
	"\000\000\000\004\000\000\000\000\000" /* SETTINGS */
	"\000\000\000\004\001\000\000\000\000" /* its acknowledgement */
	"\000\000\024\001\004\000\000\000\001\210\017\020\020application/grpc" /* HEADERS */
	"\000\000\011\000\000\000\000\000\001\000\000\000\000\004\010\226\001\000" /* DATA */
	"\000\000\017\001\005\000\000\000\001\000\013grpc-status\0010"; /* trailers */

static const char grpc_failure[] =
	"\000\000=\001\005\000\000\000\003\210\017\020\020application/grpc\000\013grp" /* trailers only */
	"c-status\00214\000\014grpc-message\nno backend";

/* ---- TLS 1.3 (RFC 8446): the hellos ---------------------------------------------------------------- */

static const char tls_client_hello[] =
	"\026\003\001\000\252\001\000\000\246\003\003 !\"#$%&'()*+,-./0123456789:;<=>"
	"\077\000\000\006\023\001\023\002\300/\001\000\000w\000\000\000\024\000\022"
	"\000\000\017api.example.com\000\n\000\006\000\004\000\035\000\027\000\013"
	"\000\002\001\000\000\r\000\006\000\004\004\003\010\004\000\020\000\016\000"
	"\014\002h2\010http/1.1\000+\000\005\004\003\004\003\003\0003\000&\000$\000"
	"\035\000 \000\001\002\003\004\005\006\007\010\011\n\013\014\r\016\017\020"
	"\021\022\023\024\025\026\027\030\031\032\033\034\035\036\037";

static const char tls_server_hello[] =
	"\026\003\003\000Z\002\000\000V\003\003@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_\000"
	"\023\001\000\000.\000+\000\002\003\004\0003\000$\000\035\000 \000\001\002"
	"\003\004\005\006\007\010\011\n\013\014\r\016\017\020\021\022\023\024\025\026"
	"\027\030\031\032\033\034\035\036\037";

/* The change to encryption, and the first of what is encrypted. */
static const char tls_encrypted[] = "\024\003\003\000\001\001"
				    "\027\003\003\000\020nobody reads it";

/* ---- text --------------------------------------------------------------------------------------- */

static const char http_get[] = "GET /items/17?color=red HTTP/1.1\r\nHost: shop.example.com\r\n"
			       "User-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";
static const char http_ok[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			      "Content-Length: 13\r\n\r\n{\"color\":1}\r\n";
static const char http_post[] = "POST /orders HTTP/1.1\r\nHost: shop.example.com\r\n"
				"Authorization: Bearer secret\r\nContent-Length: 2\r\n\r\n{}";
static const char http_busy[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
static const char http_missing[] = "GET /favicon.ico HTTP/1.1\r\nHost: shop.example.com\r\n\r\n";
static const char http_no[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

static const char redis_set[] = "*3\r\n$3\r\nSET\r\n$7\r\ncart:17\r\n$5\r\napple\r\n";
static const char redis_ok[] = "+OK\r\n";
static const char redis_push[] = "*3\r\n$5\r\nLPUSH\r\n$7\r\ncart:17\r\n$4\r\npear\r\n";
static const char redis_wrong[] =
	"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

static const char nats_info[] =
	"INFO {\"server_id\":\"mock\",\"version\":\"2.10.0\",\"proto\":1}\r\n";
static const char nats_connect[] = "CONNECT {\"verbose\":true,\"name\":\"shop\"}\r\n";
static const char nats_ok[] = "+OK\r\n";
static const char nats_pub[] = "PUB orders.new 5\r\nhello\r\n";
