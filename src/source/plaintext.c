/* SPDX-License-Identifier: Apache-2.0 */
#include "source/plaintext.h"

#include "base/log.h"
#include "probe/probe.h"
#include "source/host.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARIES_MAX 20	/* each takes a link for each function and its return */
#define LOOK_NS 2000000000ull
#define LOOK_ALL_NS 10000000000ull	/* at every process */

struct xc_plaintext {
	struct xc_attached *tls;
	int pid;	/* -1 = all */
	uint64_t look_ns;
	uint64_t inodes[LIBRARIES_MAX];	/* a uprobe is on a file, whoever maps it */
	size_t n;
};

/* A function and the programs on it; those a library lacks are left out. */
static const struct {
	const char *function, *program;
} functions[] = {
	{ "SSL_do_handshake", "tls_handshake" },
	{ "SSL_do_handshake", "tls_handshake_done" },
	{ "SSL_read", "tls_read" },
	{ "SSL_read", "tls_read_done" },
	{ "SSL_read_ex", "tls_read_ex" },
	{ "SSL_read_ex", "tls_read_ex_done" },
	{ "SSL_write", "tls_write" },
	{ "SSL_write", "tls_write_done" },
	{ "SSL_write_ex", "tls_write_ex" },
	{ "SSL_write_ex", "tls_write_ex_done" },
	{ "SSL_free", "tls_free" },
};

static bool is_known(const struct xc_plaintext *p, uint64_t inode)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->inodes[i] == inode)
			return true;
	return false;
}

static void attach(struct xc_plaintext *p, int pid, const char *path, uint64_t inode)
{
	char seen[512];	/* as the process sees its files */
	int n = 0;

	if (is_known(p, inode))
		return;
	if (p->n == LIBRARIES_MAX) {
		(void)xc_warn(0, "%s is not read: more than %d libraries", path, LIBRARIES_MAX);
		return;
	}
	p->inodes[p->n++] = inode;
	(void)snprintf(seen, sizeof(seen), "/proc/%d/root%s", pid, path);
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		const struct xc_uprobe_at at = { .path = seen,
						 .function = functions[i].function,
						 .pid = p->pid };

		n += !xc_attached_uprobe(p->tls, functions[i].program, &at);
	}
	if (n)
		xc_info("reading what passes through %s of process %d", path, pid);
	else
		(void)xc_warn(0, "no uprobe could be set on %s of process %d", path, pid);
}

/* A line of /proc/PID/maps (proc(5)). */
static void look_at_line(struct xc_plaintext *p, int pid, char *line)
{
	char flags[5], *path = strchr(line, '/'), *name;
	uint64_t inode;

	if (!path || sscanf(line, "%*s %4s %*s %*s %" SCNu64, flags, &inode) != 2 ||
	    flags[2] != 'x')
		return;
	path[strcspn(path, "\n")] = '\0';
	name = strrchr(path, '/') + 1;
	if (!strncmp(name, "libssl.so", 9) || !strncmp(name, "libssl-", 7))
		attach(p, pid, path, inode);
}

static int look_at_process(struct xc_plaintext *p, int pid)
{
	char path[64], line[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		look_at_line(p, pid, line);
	(void)fclose(f);
	return 0;
}

static void look_at_all(struct xc_plaintext *p)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			(void)look_at_process(p, (int)strtol(e->d_name, NULL, 10));
	if (d)
		(void)closedir(d);
}

void xc_plaintext_look(struct xc_plaintext *p, uint64_t now_ns)
{
	if (now_ns < p->look_ns)
		return;
	if (p->pid < 0)
		look_at_all(p);
	else
		(void)look_at_process(p, p->pid);
	p->look_ns = now_ns + (p->pid < 0 ? LOOK_ALL_NS : LOOK_NS);
}

int xc_plaintext_open(const char *whom, struct xc_attached *tls, struct xc_plaintext **ret)
{
	struct xc_plaintext *p = calloc(1, sizeof(*p));
	char *end;
	int r = 0;

	if (!p)
		return -ENOMEM;
	p->tls = tls;
	p->pid = -1;
	if (strcmp(whom, "all")) {
		p->pid = (int)strtol(whom, &end, 10);
		r = p->pid > 0 && !*end ? look_at_process(p, p->pid) : -EINVAL;
	}
	if (r) {
		free(p);
		return xc_err(r, "--tls-uprobes %s: no such process", whom);
	}
	xc_plaintext_look(p, xc_now_ns());
	*ret = p;
	return 0;
}

void xc_plaintext_close(struct xc_plaintext *p)
{
	free(p);
}
