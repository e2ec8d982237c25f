# SPDX-License-Identifier: Apache-2.0
"""Requests between real programs, live: Redis, memcached, PostgreSQL, MariaDB. observe tells what they count."""
import collections
import pathlib
import re
import shutil
import signal

import pytest

import stage as st

pytestmark = pytest.mark.root
PORT = 7090  # nobody's: protocols are told from content


def undisturbed(told, answers):
    assert not told.lost()
    assert not st.flags(answers)


# ---- Redis ----------------------------------------------------------------------------------------------

@pytest.fixture
def redis(stage):
    return stage.serve("redis-server", "--port", PORT, "--bind", st.HERE, "--save", "", "--dir", stage.place, port=PORT)


def redis_calls(stage):
    """Redis' own count by command; then those of them that failed."""
    out = stage.run("redis-cli", "-p", PORT, "info", "commandstats").out
    rows = re.findall(r"cmdstat_([^:]+):calls=(\d+),.*rejected_calls=(\d+),failed_calls=(\d+)", out)
    name = {row[0]: row[0].upper().replace("|", " ") for row in rows}
    calls = {name[c]: int(n) + int(rejected) for c, n, rejected, _ in rows}
    return calls, {name[c]: int(rejected) + int(failed) for c, _, rejected, failed in rows if rejected + failed != "00"}


@pytest.mark.parametrize("pipelined", [1, 16])
def test_redis_benchmark(stage, redis, pipelined):
    stage.watch()
    done = stage.run("redis-benchmark", "-p", PORT, "-q", "-n", "960", "-c", "4", "-P", pipelined, "-d", "30",
                     "-t", "set,get,lpush,hset")
    told = stage.ended()
    answers = told.answers("redis")
    calls, _ = redis_calls(stage)
    assert st.tally(answers, "method") == calls and calls["GET"] == 960
    assert set(st.tally(answers, "status")) == {0}
    undisturbed(told, answers)
    assert (st.clients(answers), st.servers(answers)) == ({st.End(done.pid, "redis-benchmark")},
                                                          {st.End(redis.pid, "redis-server")})


def test_redis_errors(stage, redis):
    """Failures of every kind, a transaction, RESP3; and the key of a command is told, its value never."""
    stage.watch()
    for command in ("set word secret-value", "lpush word 1", "incr word", "get nothing", "set word",
                    "eval return+redis.error_reply('TEST+no') 0", "-3 hgetall nothing"):
        stage.run("redis-cli", "-p", PORT, *(w.replace("+", " ") for w in command.split()), status=None)
    stage.run("redis-cli", "-p", PORT, text="multi\nset other 1\nincr other\nexec\nping\nno-such-command\n", status=None)
    told = stage.ended()
    answers = told.answers("redis")
    calls, failed = redis_calls(stage)
    seen = st.tally(answers, "method")
    assert seen.pop("NO-SUCH-COMMAND") == 1  # it has no row there
    assert seen == calls
    assert st.tally([a for a in answers if a.status], "method", "text") == {
        ("LPUSH", "WRONGTYPE"): 1, ("INCR", "ERR"): 1, ("SET", "ERR"): 1, ("EVAL", "TEST"): 1,
        ("NO-SUCH-COMMAND", "ERR"): 1}
    assert failed == {"LPUSH": 1, "INCR": 1, "SET": 1, "EVAL": 1}
    assert ("SET", "word") in st.tally(answers, "method", "target")
    assert "secret-value" not in str(told.events)
    undisturbed(told, answers)


# ---- memcached --------------------------------------------------------------------------------------------

MEMCACHED = r"""
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
f = s.makefile("rb")
def ask(text, last=(b"END", b"STORED", b"NOT_STORED", b"EXISTS", b"DELETED", b"NOT_FOUND", b"OK", b"ERROR", b"CLIENT_ERROR",
                    b"HD", b"EN", b"VERSION", b"TOUCHED")):
    s.sendall(text)
    while True:
        line = f.readline()
        if line.split()[0].isdigit() or line.split()[0] in last:
            return
for i in range(50):
    ask(b"set key%d 0 0 5\r\nvalue\r\n" % i)
ask(b"set large 0 0 200000\r\n" + b"v" * 200000 + b"\r\n")
for i in range(60):
    ask(b"get key%d\r\n" % i)
ask(b"get large\r\n")
ask(b"add key1 0 0 1\r\nx\r\n")
ask(b"set number 0 0 1\r\n1\r\n")
ask(b"incr number 1\r\n")
ask(b"delete key2\r\n")
ask(b"delete key2\r\n")
ask(b"touch key3 100\r\n")
ask(b"bogus\r\n")
s.sendall(b"set quiet 0 0 1 noreply\r\nx\r\n")
ask(b"get quiet key3 key4\r\n")
ask(b"version\r\n")
"""


def memcached_stats(stage):
    out = stage.run("memcstat", f"--servers={st.HERE}:{PORT}").out
    return {k: int(v) for k, v in re.findall(r"(\w+): (\d+)$", out, re.MULTILINE)}


@pytest.fixture
def memcached(stage):
    return stage.serve("memcached", "-u", "nobody", "-l", st.HERE, "-p", PORT, "-U", "0", port=PORT)


def test_memcached_text(stage, memcached):
    """Stores, hits, misses, failures, silence, a value that is larger than what is looked at."""
    stage.watch()
    done = stage.run(st.PYTHON, "-c", MEMCACHED, PORT)
    told = stage.ended()
    answers = told.answers("memcached")
    stats = memcached_stats(stage)
    seen = st.tally(answers, "method")
    silent = [e["l7_data"]["method"] for e in told.of_type("l7_notice") if not e["l7_data"]["is_response"]]
    assert (seen["SET"], seen["ADD"], silent, stats["cmd_set"]) == (52, 1, ["SET"], 54)
    assert seen["GET"] == 62 and stats["cmd_get"] == 64  # one of them asks for three keys
    assert (seen["DELETE"], seen["INCR"], seen["TOUCH"]) == (
        stats["delete_hits"] + stats["delete_misses"], stats["incr_hits"] + stats["incr_misses"], stats["cmd_touch"])
    assert st.tally([a for a in answers if a.status], "method", "text") == {("BOGUS", "ERROR"): 1}
    assert len(answers) == 121
    undisturbed(told, answers)
    assert (st.clients(answers), {e.pid for e in st.servers(answers)}) == ({st.End(done.pid, "python3")}, {memcached.pid})


@pytest.mark.parametrize("options", [[], ["--binary"]])
def test_memcached_load(stage, memcached, options):
    """libmemcached's own load, in either protocol."""
    stage.watch()
    stage.run("memcslap", f"--servers={st.HERE}:{PORT}", "--concurrency=3", "--execute-number=200", "--test=get",
              "--initial-load=300", *options)
    told = stage.ended()
    answers = told.answers("memcached")
    stats, seen = memcached_stats(stage), st.tally(answers, "method")
    assert (seen["GET"] + seen["GETK"], seen["SET"]) == (stats["cmd_get"], stats["cmd_set"])
    assert stats["cmd_get"] == 600 and not told.lost()


# ---- PostgreSQL -------------------------------------------------------------------------------------------

POSTGRES = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
CONFIG = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = off
autovacuum = off
shared_preload_libraries = 'pg_stat_statements'
"""


def as_user(name):
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--init-groups"]


@pytest.fixture
def postgres(stage):
    if not POSTGRES:
        pytest.skip("PostgreSQL is not installed (tools/deps.sh test)")
    data = stage.place / "data"
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    user = as_user("postgres")
    stage.run(*user, POSTGRES[0] / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "--no-locale",
              "-E", "UTF8")
    with open(data / "postgresql.conf", "a", encoding="ascii") as config:
        config.write(CONFIG.format(port=PORT))
    server = stage.serve(*user, POSTGRES[0] / "postgres", "-D", data, port=PORT, end=signal.SIGQUIT)
    sql(stage, "create extension pg_stat_statements")
    return server


def sql(stage, *statements, status=0):
    """psql with one statement after the other, on one connection."""
    words = [word for s in statements for word in ("-c", s)]
    return stage.run("psql", "-X", "-A", "-t", "-q", "-h", st.HERE, "-p", PORT, "-U", "postgres", *words, status=status)


def postgres_calls(stage):
    """The server's own count of statements by their first word, in upper case."""
    out = sql(stage, "select upper(rtrim(split_part(query, ' ', 1), ';')), sum(calls) from pg_stat_statements "
              "where query not like '%pg_stat%' group by 1").out
    return {word: int(n) for word, n in (line.split("|") for line in out.split())}


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(stage, postgres, mode):
    stage.run("pgbench", "-h", st.HERE, "-p", PORT, "-U", "postgres", "-i", "-q", "postgres")
    sql(stage, "select pg_stat_statements_reset()")
    stage.watch()
    done = stage.run("pgbench", "-h", st.HERE, "-p", PORT, "-U", "postgres", "-n", "-M", mode, "-c", "3", "-t", "40",
                     "postgres")
    told = stage.ended()
    answers = told.answers("postgres")
    n = int(re.search(r"actually processed: (\d+)/120", done.out)[1])
    calls, seen = postgres_calls(stage), st.tally(answers, "method")
    assert (n, calls["UPDATE"], seen["BEGIN"], seen["END"]) == (120, 3 * n, n, n)
    assert all(seen[word] == calls[word] for word in ("SELECT", "UPDATE", "INSERT"))
    assert set(st.tally(answers, "status")) == {0}
    undisturbed(told, answers)
    assert st.clients(answers) == {st.End(done.pid, "pgbench")}
    assert {e.command for e in st.servers(answers)} == {"postgres"}


def test_postgres_errors(stage, postgres):
    """SQLSTATEs, rows, COPY, the process at the other end; literals are never told."""
    stage.watch()
    insert = "insert into t values (1, 'hidden')"
    done = sql(stage, "select pg_backend_pid()", "create table t (i int primary key, s text)", insert, insert,
               "select * from missing", "selekt 1", "select 1/0",
               "select i, repeat(s, 3000) from t, generate_series(1, 20)", "copy t to stdout", status=None)
    told = stage.ended()
    answers = told.answers("postgres")
    assert [(a.method, a.status, a.text) for a in answers if a.status] == [
        ("INSERT", 1, "23505"), ("SELECT", 1, "42P01"), ("SELEKT", 1, "42601"), ("SELECT", 1, "22012")]
    assert st.tally(answers, "method") == {"SELECT": 4, "CREATE": 1, "INSERT": 2, "SELEKT": 1, "COPY": 1,
                                           "SSL_REQUEST": 1, "STARTUP": 1}
    assert "hidden" not in str(told.events)
    undisturbed(told, answers)
    assert st.clients(answers) == {st.End(done.pid, "psql")}
    assert st.servers(answers) == {st.End(int(done.out.split()[0]), "postgres")}


# ---- MariaDB ----------------------------------------------------------------------------------------------

@pytest.fixture
def mariadb(stage):
    """Without system tables: they take long to make, and nobody has to log in."""
    data = stage.place / "data"
    data.mkdir()
    shutil.chown(data, "mysql", "mysql")
    return stage.serve(*as_user("mysql"), "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={data}/sock",
                       f"--pid-file={data}/pid", f"--bind-address={st.HERE}", f"--port={PORT}", "--skip-grant-tables",
                       "--innodb=OFF", "--default-storage-engine=Aria", "--default-tmp-storage-engine=Aria", port=PORT)


def mysql(stage, *options, text=None, status=0):
    return stage.run("mysql", "--no-defaults", "-h", st.HERE, "-P", PORT, "-N", *options, text=text, status=status)


def com_counters(stage):
    """Com_select and the like, without the prefix."""
    rows = mysql(stage, "-e", "show global status like 'Com\\_%'").out.split()
    return collections.Counter({k[4:]: int(v) for k, v in zip(rows[::2], rows[1::2])})


def counted(stage, act):
    """What act() tells under observe, and the server's counters of it."""
    before = com_counters(stage)
    stage.watch()
    done = act()
    told = stage.ended()
    after = com_counters(stage)
    after.subtract(before)
    after["show_status"] -= 1  # the look at them
    return done, told, {k: n for k, n in after.items() if n}


def test_mariadb_slap(stage, mariadb):
    done, told, com = counted(stage, lambda: stage.run(
        "mysqlslap", "--no-defaults", "-h", st.HERE, "-P", PORT, "--concurrency=3", "--number-of-queries=300",
        "--auto-generate-sql", "--auto-generate-sql-load-type=mixed", "--create-schema=slap"))
    answers = told.answers("mysql")
    seen = st.tally(answers, "method")
    assert {k: seen[k.upper()] for k in ("select", "insert")} == {k: com[k] for k in ("select", "insert")}
    assert com["select"] + com["insert"] >= 300 and set(st.tally(answers, "status")) == {0}
    undisturbed(told, answers)
    assert {e.pid for e in st.clients(answers)} == {done.pid}
    assert {e.pid for e in st.servers(answers)} == {mariadb.pid}


def test_mariadb_errors(stage, mariadb):
    """Errors, several result sets, a result larger than a packet; literals are never told."""
    script = """create database d; use d; create table t (i int primary key, s text);
        insert into t values (1, 'hidden'); insert into t values (1, 'hidden'); select * from missing; selekt 1;
        select repeat(s, 100000), repeat(s, 200000) from t; select i from t where s = 'hidden'; drop table t;"""
    _, told, com = counted(stage, lambda: mysql(stage, "--force", text=script, status=None))
    answers = told.answers("mysql")
    assert [(a.method, a.status, a.text) for a in answers if a.status] == [
        ("INSERT", 1062, "23000"), ("SELECT", 1146, "42S02"), ("SELEKT", 1064, "42000")]
    seen = st.tally(answers, "method")
    assert (seen["SELECT"], seen["INSERT"]) == (com["select"], com["insert"]) and com["insert"] == 2
    assert "hidden" not in str(told.events)
    undisturbed(told, answers)


# The binary protocol of prepared statements, which no client of the package speaks: prepare, execute, close
PREPARED = r"""
import socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
f = s.makefile("rb")

def packet():
    size = int.from_bytes(f.read(4)[:3], "little")
    return f.read(size)

def send(body, number=0):
    s.sendall(len(body).to_bytes(3, "little") + bytes([number]) + body)

def until_eof(times):
    while times:
        times -= packet()[0] == 0xfe

def execute(statement, value):
    send(b"\x17" + statement + b"\0\1\0\0\0" + b"\0" + b"\1\xfe\0" + bytes([len(value)]) + value)
    first = packet()
    if first[0] not in (0, 0xff):
        until_eof(2)
    return first[0]

packet()
send(struct.pack("<IIB23x", 0x0200 | 0x8000 | 0x80000, 1 << 24, 33) + b"root\0" + b"\0" + b"mysql_native_password\0", 1)
assert packet()[0] == 0

def prepare(sql):
    send(b"\x16" + sql)
    first = packet()
    if first[0] == 0xff:
        return None
    columns, parameters = struct.unpack("<HH", first[5:9])
    until_eof((columns > 0) + (parameters > 0))
    return first[1:5]

said = []
select, insert = prepare(b"select i, s from d.t where s = ?"), prepare(b"insert into d.t values (1, ?)")
assert prepare(b"select nothing from d.missing where i = ?") is None
said += [execute(insert, b"hidden") for _ in range(3)]
said += [execute(select, b"hidden") for _ in range(20)]
send(b"\x19" + select)
send(b"\x0e")
said.append(packet()[0])
print(sum(word == 0xff for word in said))
"""


def test_mariadb_prepared(stage, mariadb):
    """Statements are told by their text when they are executed, the values with them never."""
    mysql(stage, "-e", "create database d; create table d.t (i int primary key, s text)")
    done, told, com = counted(stage, lambda: stage.run(st.PYTHON, "-c", PREPARED, PORT))
    answers = told.answers("mysql")
    seen = st.tally(answers, "method", "status")
    assert done.out == "2\n"  # of three rows with one key
    assert (com["stmt_prepare"], com["stmt_execute"], com["stmt_close"]) == (3, 23, 1)
    assert (seen["PREPARE", 0], seen["PREPARE", 1146]) == (2, 1)
    assert (seen["INSERT", 0], seen["INSERT", 1062], seen["SELECT", 0], seen["PING", 0]) == (1, 2, 20, 1)
    assert ("SELECT", "select i, s from d.t where s = ?") in st.tally(answers, "method", "target")
    assert "hidden" not in str(told.events)
    undisturbed(told, answers)
    assert {e.pid for e in st.clients(answers)} == {done.pid}
