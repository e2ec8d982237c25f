/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every program of every BPF object named on the command line is loaded alone, with an
 * empty and with a full configuration, and must stay within the budgets of instructions and stack. Knows
 * nothing of the probes but their shared configuration. TAP; needs root.
 */
#include "base/scope.h"
#include "probe/cfg.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stack of a program and what it calls. Since 6.13 each has its own; before, a frame is a multiple of 32. */
#define STACK_BYTES 512
#define STACK_STEP 32
#define LOG_STATS 4	/* BPF_LOG_STATS: errors, and what was needed */
/* Instructions the verifier may look at. The kernel's limit is a million (5.2), and an older
 * kernel's verifier prunes less: half of it is the most we dare to use. */
#define BUDGET 500000
#define LOG_BYTES (1u << 20)

struct tally {
	int n;
	int n_bad;
};

static void objp(struct bpf_object **obj)
{
	bpf_object__close(*obj);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

/* Where `cfg` lies in .rodata, from the object's own BTF. -1 = this object has none. */
static long cfg_offset(const struct bpf_object *obj)
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -1;
	const struct btf_type *sec = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	const struct btf_var_secinfo *var = sec ? btf_var_secinfos(sec) : NULL;

	for (int i = 0; sec && i < btf_vlen(sec); i++, var++) {
		const struct btf_type *t = btf__type_by_id(btf, var->type);

		if (!strcmp(btf__name_by_offset(btf, t->name_off), "cfg"))
			return var->offset;
	}
	return -1;
}

/* Everything switched on: the longest way through each program. */
static void fill(const struct bpf_object *obj)
{
	struct xc_probe_cfg cfg;
	long at = cfg_offset(obj);
	struct bpf_map *map;
	size_t size = 0;
	char *data = NULL;

	bpf_object__for_each_map(map, obj) {
		const char *name = bpf_map__name(map);	/* "drop_bpf.rodata" */

		if (strlen(name) > 7 && !strcmp(name + strlen(name) - 7, ".rodata"))
			data = (char *)bpf_map__initial_value(map, &size);
	}
	if (!data || at < 0 || (size_t)at + sizeof(cfg) > size)
		return;
	memset(&cfg, 1, sizeof(cfg));
	cfg.n_match = XC_MATCH_MAX;
	cfg.hz = 250;
	memcpy(data + at, &cfg, sizeof(cfg));
}

static void report(struct tally *t, bool is_ok, const char *name, const char *more)
{
	t->n++;
	t->n_bad += !is_ok;
	(void)printf("%s %d - %s%s%s\n", is_ok ? "ok" : "not ok", t->n, name, *more ? " # " : "",
		     more);
	(void)fflush(stdout);
}

/* The last lines of the verifier's log, as TAP diagnostics. */
static void print_tail(const char *log)
{
	const char *s = log + strlen(log);

	for (int lines = 0; s > log && lines < 12; s--)
		lines += s[-1] == '\n';
	for (; *s; s += strcspn(s, "\n"), s += *s == '\n')
		(void)printf("# %.*s\n", (int)strcspn(s, "\n"), s);
}

/* Of "stack depth MAIN+CALLED+CALLED...": the program with the greatest of what it calls. */
static unsigned long stack_of(const char *log)
{
	const char *s = strstr(log, "stack depth ");
	unsigned long of_main, most = 0;
	char *end;

	if (!s)
		return 0;
	of_main = strtoul(s + strlen("stack depth "), &end, 10);
	while (*end == '+') {
		unsigned long n = strtoul(end + 1, &end, 10);

		most = n > most ? n : most;
	}
	return (of_main + STACK_STEP - 1) / STACK_STEP * STACK_STEP +
	       (most + STACK_STEP - 1) / STACK_STEP * STACK_STEP;
}

static void check_budget(struct tally *t, const struct bpf_program *prog, const char *name,
			 const char *log)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	char more[64] = "";
	int r = bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len);

	if (!r)
		(void)snprintf(more, sizeof(more), "%u instructions verified, stack %lu",
			       info.verified_insns, stack_of(log));
	report(t, !r && info.verified_insns <= BUDGET && stack_of(log) <= STACK_BYTES, name, more);
}

/* Load program number @wanted of the object alone. False = there is no such program. */
static bool load_one(struct tally *t, const char *path, int wanted, bool is_full)
{
	_cleanup_free_ char *log = calloc(1, LOG_BYTES);
	_cleanup_(objp) struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *prog, *mine = NULL;
	char name[256];
	int i = 0, r;

	if (libbpf_get_error(obj) || !log) {
		obj = NULL;
		report(t, false, path, "cannot be opened");
		return false;
	}
	bpf_object__for_each_program(prog, obj) {
		bpf_program__set_autoload(prog, i == wanted);
		if (i++ == wanted)
			mine = prog;
	}
	if (!mine)
		return false;
	(void)snprintf(name, sizeof(name), "%s %s%s", bpf_object__name(obj),
		       bpf_program__name(mine), is_full ? " full" : "");
	if (is_full)
		fill(obj);
	(void)bpf_program__set_log_buf(mine, log, LOG_BYTES);
	(void)bpf_program__set_log_level(mine, LOG_STATS);
	r = bpf_object__load(obj);
	if (!r)
		check_budget(t, mine, name, log);
	else if (r == -ESRCH || r == -ENOENT)
		report(t, true, name, "SKIP this kernel has no such tracepoint");
	else if (strstr(log, "BPF_STX uses reserved fields"))	/* an older twin fits */
		report(t, true, name, "SKIP this kernel has no atomic exchange (5.12)");
	else if (strstr(log, "func '") &&
		 strstr(log, "doesn't have")) /* other arguments here: a second wrapper fits */
		report(t, true, name, "SKIP this kernel's tracepoint has fewer arguments");
	else
		report(t, false, name, strerror(-r));
	if (r)
		print_tail(log);
	return true;
}

int main(int argc, char **argv)
{
	struct tally t = { 0 };

	if (geteuid()) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	(void)libbpf_set_print(quiet);
	for (int i = 1; i < argc; i++)
		for (int n = 0; load_one(&t, argv[i], n, false); n++)
			(void)load_one(&t, argv[i], n, true);
	(void)printf("1..%d\n", t.n);
	return t.n_bad || !t.n;
}
