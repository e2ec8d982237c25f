/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the messages of Kafka look like, key by key and version by version, and a walk through one of them that finds the
 * few fields that tell something: errors, topics, groups. The walk needs no more than the field at hand and can be
 * left and resumed at any byte; long fields (records) are passed over unseen. The table is written by
 * tools/gen-kafka.py from the message schemas of Apache Kafka.
 */
#pragma once

#include "base/rd.h"

#define XC_KAFKA_DEPTH 8	/* structures within each other; the schemas need 5 */
#define XC_KAFKA_NO_VERSION 255

struct xc_kafka_api {
	const char *name;	/* "Produce" */
	uint8_t first, last;	/* versions the table knows */
	uint8_t flexible;	/* first one with compact types and tagged fields, or XC_KAFKA_NO_VERSION */
	uint16_t request, response;	/* where the table describes them */
};

/** The API with this key, or NULL. */
const struct xc_kafka_api *xc_kafka_api(int16_t key);

static inline bool xc_kafka_is_flexible(const struct xc_kafka_api *api, uint8_t version)
{
	return version >= api->flexible && api->flexible != XC_KAFKA_NO_VERSION;
}

/** Name of an error code, or NULL; *ret_is_server: the broker or the cluster is to blame, not who asked. */
const char *xc_kafka_error(int16_t code, bool *ret_is_server);

/* What a field tells. */
enum xc_kafka_role {
	XC_KAFKA_NONE,
	XC_KAFKA_ERROR,	/* int16 */
	XC_KAFKA_ACKS,	/* int16 */
	XC_KAFKA_TOPIC,
	XC_KAFKA_TOPIC_ID,	/* 16 bytes */
	XC_KAFKA_GROUP,
	XC_KAFKA_TRANSACTION,
	XC_KAFKA_TARGET,	/* what FindCoordinator asks for */
};

/* Where a walk is. */
struct xc_kafka_walk {
	uint8_t version, depth;
	bool is_flexible;
	bool is_response;	/* only described up to the last field of interest */
	uint16_t n_steps;
	struct xc_kafka_level {
		uint16_t first, at;	/* field of the table: of the structure, next */
		uint32_t n_left;	/* elements, this one included */
		uint32_t n_tags;	/* tagged fields still to come */
		bool is_list;	/* of strings or bytes: at is their field */
		bool is_in_tags;
	} level[XC_KAFKA_DEPTH];
};

/* What there is of a message. */
struct xc_kafka_bytes {
	struct xc_span in;	/* the next bytes */
	uint64_t left;	/* bytes of the message, those of in included */
	uint64_t skip;	/* SKIP: bytes behind in that do not interest; left is that behind them */
};

struct xc_kafka_item {
	enum xc_kafka_role role;
	struct xc_span value;
};

enum xc_kafka_found {
	XC_KAFKA_FIELD,	/* *ret_item is one */
	XC_KAFKA_MORE,	/* more bytes are needed */
	XC_KAFKA_SKIP,	/* pass over bytes->skip, then go on */
	XC_KAFKA_DONE,	/* nothing of interest follows */
	XC_KAFKA_BAD,	/* contradicts the schema */
	XC_KAFKA_LONG,	/* too long to look through */
};

/** Begin behind the head of a message. */
void xc_kafka_walk(struct xc_kafka_walk *w, const struct xc_kafka_api *api, uint8_t version,
		   bool is_response);

/** Go on to the next field of interest. @b moves with it; ret_item->value points into it. */
enum xc_kafka_found xc_kafka_next(struct xc_kafka_walk *w, struct xc_kafka_bytes *b,
				  struct xc_kafka_item *ret_item);
