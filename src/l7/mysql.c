/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL and MariaDB (MySQL Internals, "Client/Server Protocol"; MariaDB, "Clients & Utilities: protocol"). Each command is
 * answered in turn by packets numbered behind its own. Whether a result set has its old end-of-file packets is told by their
 * length, so it can be read without the handshake. Compressed connections and files sent by the client are not read.
 */
#include "l7/frame.h"
#include "l7/mysql_wire.h"
#include "l7/sql.h"

#define XC_MYSQL_HEADER 4
#define FULL 0xffffffu	/* a packet of this length goes on in the next */
#define HEAD_QUERY (XC_MYSQL_HEADER + 1 + XC_SQL_READ)
#define HEAD_LOGIN 1024
#define HEAD_ANSWER (XC_MYSQL_HEADER + 48)
#define EOF_LEN 5u	/* since 4.1; the OK packet that replaces it has 7 bytes or more */
#define LAST_PREPARED "\xff\xff\xff\xff"	/* MariaDB: the statement prepared last */

enum {
	CLIENT_CONNECT_WITH_DB = 1 << 3,
	CLIENT_COMPRESS = 1 << 5,
	CLIENT_PROTOCOL_41 = 1 << 9,
	CLIENT_SSL = 1 << 11,
	CLIENT_SECURE_CONNECTION = 1 << 15,
	CLIENT_PLUGIN_AUTH_LENENC = 1 << 21,
	CLIENT_DEPRECATE_EOF = 1 << 24,
	CLIENT_OPTIONAL_METADATA = 1 << 25,
	CLIENT_ZSTD = 1 << 26,
	CLIENT_QUERY_ATTRIBUTES = 1 << 27,
};

enum { MORE_RESULTS = 0x0008, CURSOR_EXISTS = 0x0040 };	/* server status */

/* What answers a command. */
enum kind {
	NOTHING,
	ONE,	/* OK, or EOF */
	TEXT,	/* one packet of text */
	LOGIN,	/* until OK; what comes before is for nobody to see */
	RESULTS,	/* OK, or result sets */
	STATEMENT,	/* a number, parameters, columns */
	ROWS_ONLY,
};

struct command {
	uint8_t code;
	enum kind kind;
	const char *name;
};

enum { COM_INIT_DB = 2, COM_QUERY = 3, COM_PREPARE = 0x16, COM_EXECUTE = 0x17, COM_CLOSE = 0x19 };
#define COM_CONNECT 0x0b	/* never on the wire: stands for the login */

static const struct command commands[] = {
	{ 0x01, NOTHING, "QUIT" },
	{ COM_INIT_DB, ONE, "INIT_DB" },
	{ COM_QUERY, RESULTS, "QUERY" },
	{ 0x04, ROWS_ONLY, "FIELD_LIST" },
	{ 0x05, ONE, "CREATE_DB" },
	{ 0x06, ONE, "DROP_DB" },
	{ 0x07, ONE, "REFRESH" },
	{ 0x08, ONE, "SHUTDOWN" },
	{ 0x09, TEXT, "STATISTICS" },
	{ 0x0a, RESULTS, "PROCESS_INFO" },
	{ COM_CONNECT, LOGIN, "CONNECT" },
	{ 0x0c, ONE, "PROCESS_KILL" },
	{ 0x0d, ONE, "DEBUG" },
	{ 0x0e, ONE, "PING" },
	{ 0x11, LOGIN, "CHANGE_USER" },
	{ 0x12, ROWS_ONLY, "BINLOG_DUMP" },
	{ 0x15, ONE, "REGISTER_SLAVE" },
	{ COM_PREPARE, STATEMENT, "PREPARE" },
	{ COM_EXECUTE, RESULTS, "EXECUTE" },
	{ 0x18, NOTHING, "STMT_SEND_LONG_DATA" },
	{ COM_CLOSE, NOTHING, "STMT_CLOSE" },
	{ 0x1a, ONE, "STMT_RESET" },
	{ 0x1b, ONE, "SET_OPTION" },
	{ 0x1c, ROWS_ONLY, "STMT_FETCH" },
	{ 0x1e, ROWS_ONLY, "BINLOG_DUMP_GTID" },
	{ 0x1f, ONE, "RESET_CONNECTION" },
	{ 0xfa, RESULTS, "BULK_EXECUTE" },	/* MariaDB */
};

/* Where the server is in its answer. */
enum part { FIRST, PARAMETERS, COLUMNS, BEHIND_COLUMNS, ROWS };

struct mysql {
	uint32_t caps;	/* what both can do; has_caps */
	bool has_caps;
	bool is_greeted;
	bool is_in_login;	/* what the client sends may be a secret */
	bool continues[2];	/* the packet before was full */
	bool is_answering;	/* the first packet of an answer has been read */
	bool is_set;	/* the answer has a result set */
	uint8_t next_seq;	/* of the answer */
	enum part part;
	uint32_t n_params, n_columns;	/* definitions still to come */
	uint64_t n_rows;
	uint64_t
		idle_ns; /* an answer for nobody we knew: what was asked before it has been answered */
	struct xc_request *asking;	/* whose packet is being skipped */
	struct xc_sql_names statements;
};

static const struct command *command_of(uint8_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].code == code)
			return &commands[i];
	return NULL;
}

/* ---- the client's packets -------------------------------------------------------------------------------- */

static uint8_t code_of(const struct xc_request *r)
{
	return (uint8_t)r->progress;
}

/* Number of the first packet of its answer. */
static uint8_t answer_seq(const struct xc_request *r)
{
	return (uint8_t)(r->progress >> 8);
}

static void drop_all(struct xc_l7 *l7, uint32_t flags)
{
	struct mysql *my = l7->state;

	my->asking = NULL;
	my->is_answering = false;
	xc_l7_abandon_all(l7, flags);
}

static struct xc_request *open_command(struct xc_l7 *l7, const struct xc_mysql_packet *p,
				       uint8_t code)
{
	struct mysql *my = l7->state;
	struct xc_request *r = xc_l7_open(l7);

	my->asking = r;
	if (!r)
		return NULL;
	r->progress = (uint16_t)(code | (uint8_t)(p->seq + 1) << 8);
	r->request_bytes = XC_MYSQL_HEADER + (uint64_t)p->len;
	r->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, XC_MYSQL_HEADER + p->in.len - 1);
	if (p->is_cut)
		r->flags |= XC_REQUEST_TRUNCATED;
	xc_request_method_text(r, command_of(code)->name);
	return r;
}

/* It is read. Behind a hole that may be so late that its answer has passed. */
static void tell_sent(struct xc_l7 *l7, struct xc_request *r)
{
	struct mysql *my = l7->state;

	xc_l7_sent(l7, r);
	if (r->request_first_ns >= my->idle_ns)
		return;
	my->asking = NULL;
	xc_l7_abandoned(l7, r, XC_REQUEST_GAP);
}

/* Values of query attributes, by the type of each (binary protocol). */
static void skip_value(struct xc_rd *rd, uint8_t type)
{
	static const uint8_t sizes[] = {
		[1] = 1, [2] = 2, [3] = 4, [4] = 4, [5] = 8, [8] = 8, [9] = 4, [13] = 2
	};

	if (type < sizeof(sizes) && sizes[type])
		(void)xc_rd_span(rd, sizes[type]);
	else if (type == 7 || type == 10 || type == 11 || type == 12)
		(void)xc_rd_span(rd, xc_rd_u8(rd));
	else if (type != 6)
		(void)xc_mysql_text(rd);
}

/* Behind the attributes of COM_QUERY (CLIENT_QUERY_ATTRIBUTES, MySQL 8.0.23). */
static void skip_attributes(struct xc_rd *rd)
{
	uint64_t n = xc_mysql_int(rd);
	struct xc_span nulls;
	uint8_t types[64];

	(void)xc_mysql_int(rd);	/* sets of them: 1 */
	if (!n)
		return;
	if (n > sizeof(types)) {
		rd->is_short = true;
		return;
	}
	nulls = xc_rd_span(rd, (size_t)(n + 7) / 8);
	if (xc_rd_u8(rd) != 1)	/* their types are told */
		rd->is_short = true;
	for (size_t i = 0; i < n; i++) {
		types[i] = (uint8_t)xc_rd_le16(rd);
		(void)xc_mysql_text(rd);
	}
	for (size_t i = 0; i < n && !rd->is_short; i++)
		if (!(nulls.p[i / 8] >> i % 8 & 1))
			skip_value(rd, types[i]);
}

static void take_query(struct xc_l7 *l7, struct xc_request *r, struct xc_span in)
{
	const struct mysql *my = l7->state;
	struct xc_rd rd = xc_rd(in);

	/* a statement cannot begin with NUL: there are attributes, though we have not seen the handshake */
	if (my->has_caps ? my->caps & CLIENT_QUERY_ATTRIBUTES : in.len && !in.p[0])
		skip_attributes(&rd);
	if (rd.is_short)
		r->flags |= XC_REQUEST_UNKNOWN_FIELDS;
	else
		xc_sql_tell_text(r, xc_rd_span(&rd, xc_rd_left(&rd)), XC_SQL_MYSQL);
}

static void take_statement_id(struct xc_l7 *l7, struct xc_request *r, uint8_t code,
			      struct xc_span id)
{
	struct mysql *my = l7->state;

	xc_sql_tell(r, xc_sql_get(&my->statements, id));
	if (code != COM_EXECUTE && code != 0xfa)
		xc_request_method_text(r, command_of(code)->name);
	if (code == COM_CLOSE)
		xc_sql_drop(&my->statements, id);
}

/* What a command is about. */
static void describe(struct xc_l7 *l7, struct xc_request *r, uint8_t code, struct xc_span in)
{
	switch (code) {
	case COM_INIT_DB:
	case 0x05:
	case 0x06:
		xc_request_target(r, in);
		xc_request_attr(r, "db.namespace", in);
		break;
	case COM_QUERY:
		take_query(l7, r, in);
		break;
	case COM_PREPARE:
		xc_sql_tell_text(r, in, XC_SQL_MYSQL);
		xc_request_method_text(r, "PREPARE");
		break;
	case COM_EXECUTE:
	case COM_CLOSE:
	case 0x1a:
	case 0x1c:
	case 0xfa:
		if (in.len >= 4)
			take_statement_id(l7, r, code, xc_span_first(in, 4));
		break;
	case 0x04: {
		struct xc_rd rd = xc_rd(in);
		struct xc_span table = xc_rd_cstring(&rd);

		xc_request_target(r, table);
		break;
	}
	case 0x11: {
		struct xc_rd rd = xc_rd(in);

		xc_request_attr(r, "db.user", xc_rd_cstring(&rd));
		break;
	}
	default:
		break;
	}
}

static struct xc_l7_step take_command(struct xc_l7 *l7, struct xc_span in,
				      const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;
	const struct command *c = command_of(xc_mysql_first(p));
	struct xc_request *r;

	if (!c || !p->in.len || c->code == COM_CONNECT)
		return xc_l7_bad();
	my->is_in_login = c->kind == LOGIN;
	if (c->code == 0x18)
		return xc_frame_pass(in, XC_MYSQL_HEADER +
						 (uint64_t)p->len); /* values, and no answer */
	r = open_command(l7, p, c->code);
	if (!r)
		return xc_frame_pass(in, XC_MYSQL_HEADER + (uint64_t)p->len);
	describe(l7, r, c->code, xc_span_from(p->in, 1));
	if (c->kind == NOTHING) {
		my->asking = NULL;
		xc_l7_notice(l7, r);
	} else {
		tell_sent(l7, r);
	}
	return xc_frame_pass(in, XC_MYSQL_HEADER + (uint64_t)p->len);
}

/* What follows is TLS, begun by the client. */
static struct xc_l7_step take_ssl_request(struct xc_l7 *l7, struct xc_span in,
					  const struct xc_mysql_packet *p)
{
	struct xc_request *r = open_command(l7, p, COM_CONNECT);

	if (r) {
		xc_request_method_text(r, "SSL_REQUEST");
		xc_l7_notice(l7, r);
	}
	xc_l7_become(l7, xc_l7_proto_named("tls"));
	return xc_frame_pass(in, XC_MYSQL_HEADER + (uint64_t)p->len);
}

/* User and database; what proves the user is passed over. */
static void take_login_fields(struct xc_request *r, uint32_t caps, struct xc_rd *rd)
{
	struct xc_span user, database;

	(void)xc_rd_span(rd, 4 + 1 + 23);	/* largest packet, character set, filler */
	user = xc_rd_cstring(rd);
	if (rd->is_short)
		return;
	xc_request_attr(r, "db.user", user);
	if (!(caps & CLIENT_CONNECT_WITH_DB))
		return;
	if (caps & CLIENT_PLUGIN_AUTH_LENENC)
		(void)xc_mysql_text(rd);
	else if (caps & CLIENT_SECURE_CONNECTION)
		(void)xc_rd_span(rd, xc_rd_u8(rd));
	else
		(void)xc_rd_cstring(rd);
	database = xc_rd_cstring(rd);
	if (rd->is_short || !database.len)
		return;
	xc_request_attr(r, "db.namespace", database);
	xc_request_target(r, database);
}

static struct xc_l7_step take_login(struct xc_l7 *l7, struct xc_span in,
				    const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;
	struct xc_rd rd = xc_rd(p->in);
	uint32_t caps = xc_rd_le32(&rd);
	struct xc_request *r;

	if (rd.is_short)
		return xc_l7_bad();
	if (!(caps & CLIENT_PROTOCOL_41))
		caps &= 0xffff;	/* before 4.1 there were two bytes */
	if ((caps & CLIENT_SSL) && p->len <= 36)
		return take_ssl_request(l7, in, p);
	my->caps = my->has_caps ? my->caps & caps : caps;
	my->has_caps = true;
	my->is_in_login = true;
	r = open_command(l7, p, COM_CONNECT);
	if (!r)
		return xc_frame_pass(in, XC_MYSQL_HEADER + (uint64_t)p->len);
	if (caps & CLIENT_PROTOCOL_41)
		take_login_fields(r, caps, &rd);
	tell_sent(l7, r);
	return xc_frame_pass(in, XC_MYSQL_HEADER + (uint64_t)p->len);
}

/* The rest of a command of 16 MB or more. The answer is numbered behind it. */
static struct xc_l7_step take_rest(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				   const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;
	struct xc_request *r = dir == XC_L7_CLIENT ? my->asking : xc_l7_first(l7);

	my->continues[dir] = p->len == FULL;
	if (dir == XC_L7_SERVER)
		my->next_seq = p->seq + 1;
	if (r && dir == XC_L7_CLIENT) {
		r->progress = (uint16_t)(code_of(r) | (uint8_t)(p->seq + 1) << 8);
		r->request_bytes += XC_MYSQL_HEADER + (uint64_t)p->len;
		r->request_last_ns = xc_l7_ns(l7, dir, XC_MYSQL_HEADER - 1);
	} else if (r) {
		r->response_bytes += XC_MYSQL_HEADER + (uint64_t)p->len;
	}
	return xc_frame_pass(in, XC_MYSQL_HEADER + (uint64_t)p->len);
}

static struct xc_l7_step take_client(struct xc_l7 *l7, struct xc_span in)
{
	struct mysql *my = l7->state;
	struct xc_mysql_packet p;

	if (!in.len && my->asking)
		my->asking->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, 0);
	if (in.len < XC_MYSQL_HEADER)
		return xc_l7_more();
	p = xc_mysql_read(in, HEAD_QUERY);
	if (my->continues[XC_L7_CLIENT])
		return take_rest(l7, XC_L7_CLIENT, in, &p);
	if (!xc_frame_is_here(l7, in, XC_MYSQL_HEADER + (uint64_t)p.len, HEAD_QUERY))
		return xc_l7_more();
	my->continues[XC_L7_CLIENT] = p.len == FULL;
	if (!p.seq)
		return take_command(l7, in, &p);
	if (my->is_in_login)
		return xc_frame_pass(in, XC_MYSQL_HEADER + (uint64_t)p.len);
	return p.seq == 1 && !xc_l7_first(l7) ? take_login(l7, in, &p) : xc_l7_bad();
}

/* ---- the server's packets ---------------------------------------------------------------------------------- */

static void finish(struct xc_l7 *l7, struct xc_request *r)
{
	struct mysql *my = l7->state;

	my->is_answering = false;
	my->asking = my->asking == r ? NULL : my->asking;
	if (r->status == XC_STATUS_NONE) {
		xc_request_status(r, 0, (struct xc_span){ 0 });
		r->result = XC_RESULT_OK;
	}
	if (my->is_set)
		xc_request_attr_uint(r, "db.response.returned_rows", my->n_rows);
	xc_l7_answered(l7, r);
}

/* Errors that tell of the server: no room, no connections, broken tables, locks, shutdown. */
static bool is_servers_fault(uint16_t code)
{
	static const uint16_t codes[] = { 1021, 1030, 1034, 1037, 1038, 1040, 1041, 1053, 1077,
					  1079, 1080, 1105, 1114, 1129, 1135, 1152, 1158, 1159,
					  1160, 1161, 1180, 1194, 1195, 1203, 1205, 1213, 1290,
					  1317, 1614, 1815, 1836, 1969, 3024 };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

static void set_error(struct xc_request *r, const struct xc_mysql_packet *p)
{
	struct xc_rd rd = xc_rd(xc_span_from(p->in, 1));
	uint16_t code = xc_rd_le16(&rd);

	xc_request_status(r, code,
			  xc_mysql_is_error(p) ? (struct xc_span){ p->in.p + 4, 5 } :
						 (struct xc_span){ 0 });
	xc_request_attr_uint(r, "db.response.status_code", code);
	r->result = is_servers_fault(code) ? XC_RESULT_SERVER_ERROR : XC_RESULT_CLIENT_ERROR;
}

/* MariaDB tells how far a long statement has come by an error that is none. */
static bool is_progress_report(const struct xc_mysql_packet *p)
{
	return p->in.len >= 3 && p->in.p[1] == 0xff && p->in.p[2] == 0xff;
}

static bool is_end(const struct xc_mysql_packet *p)
{
	return xc_mysql_first(p) == 0xfe && p->len < FULL;
}

/* Status of the server in an OK packet, or in what ends a result set. */
static uint16_t status_of(const struct xc_mysql_packet *p)
{
	struct xc_rd rd = xc_rd(xc_span_from(p->in, 1));

	if (p->len == EOF_LEN && xc_mysql_first(p) == 0xfe) {
		(void)xc_rd_le16(&rd);	/* warnings */
		return xc_rd_le16(&rd);
	}
	(void)xc_mysql_int(&rd);	/* rows affected, last id */
	(void)xc_mysql_int(&rd);
	return xc_rd_le16(&rd);
}

/* An OK, or the end of a result set: is it the end of the answer? */
static void end_set(struct xc_l7 *l7, struct xc_request *r, const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;

	if (status_of(p) & MORE_RESULTS)
		my->part = FIRST;
	else
		finish(l7, r);
}

static bool begin_set(struct xc_l7 *l7, struct xc_request *r, const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;
	struct xc_rd rd = xc_rd(p->in);
	uint64_t n;

	if (xc_mysql_first(p) == 0xfb) {
		/* the client sends a file now, and we do not follow */
		r->flags |= XC_REQUEST_UNKNOWN_FIELDS;
		drop_all(l7, XC_REQUEST_UNKNOWN_FIELDS);
		xc_l7_stop_both(l7);
		return true;
	}
	if (!xc_mysql_first(p)) {
		end_set(l7, r, p);
		return p->len >= 7;
	}
	n = xc_mysql_int(&rd);
	if (rd.is_short || !n || n > 65535 || p->len > 10)
		return false;
	/* MariaDB may leave out what the client remembers of the columns, and says so in one more byte */
	my->n_columns = xc_rd_left(&rd) && !xc_rd_u8(&rd) ? 0 : (uint32_t)n;
	my->part = my->n_columns ? COLUMNS : BEHIND_COLUMNS;
	my->is_set = true;
	return true;
}

static bool begin_statement(struct xc_l7 *l7, struct xc_request *r, const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;
	struct xc_rd rd = xc_rd(xc_span_from(p->in, 1));
	struct xc_span id = xc_rd_span(&rd, 4);
	const char *text = xc_request_get(r, "db.query.text");
	struct xc_sql *q;

	my->n_columns = xc_rd_le16(&rd);
	my->n_params = xc_rd_le16(&rd);
	if (xc_mysql_first(p) || rd.is_short)
		return false;
	text = text ? text : r->target;	/* which has been redacted */
	q = xc_sql_new((struct xc_span){ (const uint8_t *)text, strlen(text) }, XC_SQL_MYSQL);
	xc_sql_put(&my->statements, id, q);
	xc_sql_put(&my->statements, (struct xc_span){ (const uint8_t *)LAST_PREPARED, 4 }, q);
	xc_sql_unref(q);
	my->part = my->n_params ? PARAMETERS : my->n_columns ? COLUMNS : BEHIND_COLUMNS;
	if (my->part == BEHIND_COLUMNS)
		finish(l7, r);
	return true;
}

/* The old end-of-file packet behind the last definition of a statement will come, as far as we know. */
static bool has_old_ends(const struct mysql *my)
{
	return my->has_caps && !(my->caps & CLIENT_DEPRECATE_EOF);
}

/* A statement is prepared when all definitions are read. */
static bool take_definition(struct xc_l7 *l7, struct xc_request *r, const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;
	bool is_statement_answer = command_of(code_of(r))->kind == STATEMENT;
	uint32_t *n = my->part == PARAMETERS ? &my->n_params : &my->n_columns;

	if (is_end(p) && is_statement_answer && my->part == COLUMNS)
		return true;	/* behind the parameters */
	if (!xc_mysql_is_definition(p) || !*n)
		return false;
	if (--*n)
		return true;
	if (my->part == PARAMETERS && my->n_columns) {
		my->part = COLUMNS;
		return true;
	}
	my->part = BEHIND_COLUMNS;
	if (is_statement_answer && !has_old_ends(my))
		finish(l7, r);
	return true;
}

static bool take_row(struct xc_l7 *l7, struct xc_request *r, const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;

	if (my->part == BEHIND_COLUMNS && is_end(p) && p->len == EOF_LEN) {
		if (command_of(code_of(r))->kind == STATEMENT || (status_of(p) & CURSOR_EXISTS))
			finish(l7, r);	/* rows are fetched by other commands */
		my->part = ROWS;
		return true;
	}
	my->part = ROWS;
	if (is_end(p))
		end_set(l7, r, p);
	else
		my->n_rows++;
	return true;
}

static void take_first(struct xc_l7 *l7, struct xc_request *r, enum kind kind)
{
	struct mysql *my = l7->state;

	my->is_answering = true;
	my->part = kind == ROWS_ONLY ? ROWS : FIRST;
	my->n_rows = 0;
	my->is_set = code_of(r) == 0x1c;	/* rows of a cursor */
	r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
}

/* False: the answer cannot go on like this. */
static bool take_answer(struct xc_l7 *l7, struct xc_request *r, const struct xc_mysql_packet *p,
			enum kind kind)
{
	struct mysql *my = l7->state;

	if (xc_mysql_first(p) == 0xff &&
	    (my->part == FIRST || my->part == ROWS || my->part == BEHIND_COLUMNS)) {
		if (is_progress_report(p))
			return true;
		set_error(r, p);
		finish(l7, r);
		return true;
	}
	switch (my->part) {
	case FIRST:
		break;
	case PARAMETERS:
	case COLUMNS:
		return take_definition(l7, r, p);
	default:
		return take_row(l7, r, p);
	}
	if (kind == RESULTS)
		return begin_set(l7, r, p);
	if (kind == STATEMENT)
		return begin_statement(l7, r, p);
	if (kind == ONE && xc_mysql_first(p) && !is_end(p))
		return false;
	finish(l7, r);
	return true;
}

static void take_login_answer(struct xc_l7 *l7, struct xc_request *r,
			      const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;

	if (xc_mysql_first(p) && xc_mysql_first(p) != 0xff)
		return;	/* another method, or more of this one */
	if (xc_mysql_first(p))
		set_error(r, p);
	my->is_in_login = false;
	finish(l7, r);
	if (my->has_caps && (my->caps & (CLIENT_COMPRESS | CLIENT_ZSTD | CLIENT_OPTIONAL_METADATA)))
		xc_l7_stop_both(l7);	/* not read: see above */
}

/* The server turns the client away before it could say anything. */
static void take_refusal(struct xc_l7 *l7, const struct xc_mysql_packet *p)
{
	struct xc_request *r = xc_l7_open(l7);

	if (!r)
		return;
	xc_request_method_text(r, "ERROR");
	r->by_server = true;
	r->request_first_ns = r->request_last_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	r->response_bytes = XC_MYSQL_HEADER + (uint64_t)p->len;
	if (p->is_cut)
		r->flags |= XC_REQUEST_TRUNCATED;
	set_error(r, p);
	xc_l7_notice(l7, r);
}

static bool take_unasked(struct xc_l7 *l7, const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;
	struct xc_rd rd = xc_rd(xc_span_from(p->in, 1));

	if (!p->seq && !my->is_greeted && xc_mysql_first(p) == 0xff) {
		take_refusal(l7, p);
		return true;
	}
	if (p->seq || my->is_greeted || !xc_mysql_is_greeting(p)) {
		my->idle_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
		return true;
	}
	my->is_greeted = true;
	(void)xc_rd_cstring(&rd);
	(void)xc_rd_span(&rd, 13);	/* thread, salt, filler */
	my->caps = xc_rd_le16(&rd);
	(void)xc_rd_span(&rd, 3);	/* character set, status */
	my->caps |= (uint32_t)xc_rd_le16(&rd) << 16;
	my->has_caps = !rd.is_short;
	return true;
}

static bool take_packet(struct xc_l7 *l7, const struct xc_mysql_packet *p)
{
	struct mysql *my = l7->state;
	struct xc_request *r = xc_l7_first(l7);
	enum kind kind = r ? command_of(code_of(r))->kind : NOTHING;

	if (!r)
		return take_unasked(l7, p);
	if (!my->is_answering) {
		if (kind != LOGIN && p->seq != answer_seq(r))
			return true;	/* the rest of an answer we knew nothing of */
		take_first(l7, r, kind);
	} else if (kind != LOGIN && p->seq != my->next_seq) {
		return false;
	}
	my->next_seq = p->seq + 1;
	r->response_bytes += XC_MYSQL_HEADER + (uint64_t)p->len;
	r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, XC_MYSQL_HEADER + p->in.len - 1);
	if (p->is_cut)
		r->flags |= XC_REQUEST_TRUNCATED;
	if (kind != LOGIN)
		return take_answer(l7, r, p, kind);
	take_login_answer(l7, r, p);
	return true;
}

static struct xc_l7_step take_server(struct xc_l7 *l7, struct xc_span in)
{
	struct mysql *my = l7->state;
	struct xc_mysql_packet p;
	size_t head = my->is_greeted || xc_l7_first(l7) ? HEAD_ANSWER : HEAD_LOGIN;

	if (in.len < XC_MYSQL_HEADER)
		return xc_l7_more();
	p = xc_mysql_read(in, head);
	if (my->continues[XC_L7_SERVER])
		return take_rest(l7, XC_L7_SERVER, in, &p);
	if (!xc_frame_is_here(l7, in, XC_MYSQL_HEADER + (uint64_t)p.len, head))
		return xc_l7_more();
	my->continues[XC_L7_SERVER] = p.len == FULL;
	if (!p.len && !my->is_answering)
		return xc_l7_bad();
	return take_packet(l7, &p) ? xc_frame_pass(in, XC_MYSQL_HEADER + (uint64_t)p.len) :
				     xc_l7_bad();
}

static struct xc_l7_step mysql_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	return dir == XC_L7_CLIENT ? take_client(l7, in) : take_server(l7, in);
}

/* ---- what is missing ------------------------------------------------------------------------------------------ */

static void mysql_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct mysql *my = l7->state;

	(void)n;
	my->continues[dir] = false;
	my->is_in_login = false;
	if (dir == XC_L7_CLIENT)
		my->asking = NULL;
	else
		drop_all(l7, XC_REQUEST_GAP);
}

static void mysql_done(void *state)
{
	struct mysql *my = state;

	xc_sql_clear(&my->statements);
}

const struct xc_l7_proto xc_l7_mysql = {
	.name = "mysql",
	.ports = { 3306, 33060, 4000, 6033 },
	.is_stream = true,
	.state_bytes = sizeof(struct mysql),
	.detect = xc_mysql_detect,
	.parse = mysql_parse,
	.gap = mysql_gap,
	.sync = xc_mysql_sync,
	.done = mysql_done,
};
