/* SPDX-License-Identifier: Apache-2.0 */
#include "xctest.h"

#include "base/netns.h"
#include "sys/health.h"
#include "sys/netstat.h"
#include "sys/process.h"
#include "sys/text.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define S 1000000000ull
#define T0 (1700000000 * S)

/* ---- a small host in a directory -------------------------------------------------------- */

static char root[64];
static struct xc_health *health;
static uint64_t now_ns;

static void path_of(char *out, size_t size, const char *name)
{
	(void)snprintf(out, size, "%s/%s", root, name);
}

/* Write file @name below the root, and the directories above it. The inode stays, as in /proc. */
static void __attribute__((format(printf, 2, 3))) put(const char *name, const char *fmt, ...)
{
	char path[2048];
	va_list args;
	FILE *f;

	path_of(path, sizeof(path), name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(!mkdir(path, 0700) || errno == EEXIST);
		*p = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	va_start(args, fmt);
	assert_true(vfprintf(f, fmt, args) >= 0);
	va_end(args);
	assert_int_equal(fclose(f), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void drop(const char *name)
{
	char path[2048];

	path_of(path, sizeof(path), name);
	assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static uint64_t inode_of(const char *name)
{
	char path[2048];
	struct stat st;

	path_of(path, sizeof(path), name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/xc-sys-XXXXXX");
	now_ns = T0;
	return !mkdtemp(root);
}

static int tear_down(void **state)
{
	(void)state;
	xc_health_free(health);
	health = NULL;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void begin(void)
{
	assert_int_equal(xc_health_new(root, now_ns, &health), 0);
}

/* A window of five seconds ends. */
static struct xc_sys_sample window(void)
{
	struct xc_sys_sample s;

	now_ns += 5 * S;
	xc_health_sample(health, now_ns, &s);
	assert_true(s.is_valid);
	return s;
}

static struct xc_sys_cgroup group_of(uint32_t tgid, uint64_t id)
{
	struct xc_sys_cgroup g;

	assert_true(xc_health_cgroup(health, tgid, id, &g));
	return g;
}

#define assert_near(a, b) assert_float_equal(a, b, 1e-6)

/* ---- processor, memory, listeners ----------------------------------------------------------- */

static void put_cpu(unsigned int busy, unsigned int idle, unsigned int iowait)
{
	put("proc/stat", "cpu  %u 0 0 %u %u 0 0 0 0 0\ncpu0 1 2 3 4\n", busy, idle, iowait);
}

static void put_netstat(const char *dir, unsigned int overflows, unsigned int drops)
{
	put(dir,
	    "TcpExt: SyncookiesSent ListenOverflowsNot ListenOverflows ListenDrops\n"
	    "TcpExt: 7 8 %u %u\nIpExt: InNoRoutes\nIpExt: 9\n",
	    overflows, drops);
}

static void put_host(void)
{
	put_cpu(1000, 5000, 500);
	put("proc/meminfo", "MemTotal: 1048576 kB\nMemFree: 1 kB\nMemAvailable:  262144 kB\n"
			    "SwapCached: 0 kB\nSwapTotal: 1000 kB\nSwapFree: 750 kB\n");
	put("proc/vmstat", "nr_free_pages 1\noom_kill_disable 5\noom_kill 31\n");
	put("proc/pressure/memory", "some avg10=1.25 avg60=0.10 avg300=0.00 total=35022\n"
				    "full avg10=0.00 avg60=0.00 avg300=0.00 total=9551\n");
	put_netstat("proc/thread-self/net/netstat", 40, 50);
	put("proc/diskstats", "8 0 sda 1 0 1 1 1 0 1 1 0 1 1\n");
}

static void a_window_counts_from_the_one_before(void **state)
{
	struct xc_sys_sample s;

	(void)state;
	put_host();
	begin();
	put_cpu(1300, 5600, 600);
	put("proc/vmstat", "oom_kill 33\n");
	put_netstat("proc/thread-self/net/netstat", 43, 54);
	s = window();
	assert_false(s.is_partial);
	assert_near(s.window_s, 5);
	assert_near(s.cpu_percent, 30);
	assert_near(s.memory_percent, 75);
	assert_near(s.memory_available_mib, 256);
	assert_near(s.swap_percent, 25);
	assert_near(s.memory_pressure, 1.25);
	assert_int_equal(s.oom_kills, 2);
	assert_int_equal(s.netns.listen_overflows, 3);
	assert_int_equal(s.netns.listen_drops, 4);
	assert_false(s.cgroup.has_cpu);
	s = window();
	assert_near(s.cpu_percent, 0);
	assert_int_equal(s.oom_kills, 0);
	assert_int_equal(s.netns.listen_overflows, 0);
}

static void a_counter_that_falls_counts_nothing(void **state)
{
	struct xc_sys_sample s;

	(void)state;
	put_host();
	begin();
	put_cpu(900, 4000, 400);
	put("proc/vmstat", "oom_kill 3\n");
	put_netstat("proc/thread-self/net/netstat", 4, 51);
	s = window();
	assert_near(s.cpu_percent, 0);
	assert_int_equal(s.oom_kills, 0);
	assert_int_equal(s.netns.listen_overflows, 0);
	assert_int_equal(s.netns.listen_drops, 1);
	put_cpu(1000, 4000, 400);
	assert_near(window().cpu_percent, 100);
}

static void what_is_not_there_is_zero_and_said(void **state)
{
	struct xc_sys_sample s;
	struct xc_sys_cgroup g;

	(void)state;
	put_host();
	drop("proc/pressure");
	begin();
	s = window();
	assert_true(s.memory_pressure < 0);
	assert_false(s.is_partial);	/* a kernel may be without */
	xc_health_free(health);
	health = NULL;
	drop("proc");
	begin();
	s = window();
	assert_true(s.is_partial);
	assert_near(s.cpu_percent + s.memory_percent + s.memory_available_mib + s.disk_queue, 0);
	assert_string_equal(s.top, "");
	assert_false(xc_health_cgroup(health, 1, 1, &g));
	assert_false(xc_health_cgroup(health, 0, 0, &g));
	assert_false(g.has_cpu || g.has_memory);
}

static void files_without_sense_are_as_none(void **state)
{
	static const char *const files[] = { "stat",
					     "meminfo",
					     "vmstat",
					     "diskstats",
					     "thread-self/net/netstat",
					     "pressure/memory",
					     "self/mountinfo",
					     "7/stat",
					     "7/cgroup" };
	struct xc_sys_sample s;
	struct xc_sys_cgroup g;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "proc/%s", files[i]);
		put(path, "%s", "some cpu  - cgroup2\nTcpExt:\n\n: ) (\n - cgroup cgroup cpu\n");
	}
	begin();
	s = window();
	assert_true(s.is_partial);
	assert_true(s.memory_pressure < 0);
	assert_string_equal(s.top, "");
	assert_true(xc_health_cgroup(health, 7, 0, &g));	/* there, and in no group */
	assert_false(g.has_cpu || g.has_memory);
	assert_int_equal(xc_health_new("/nowhere", T0, &health), -ENOENT);
}

static void counters_are_found_by_their_whole_name(void **state)
{
	static const char *const names[] = { "ListenOverflows", "ListenDrops", "NotThere" };
	uint64_t v[3] = { 0 };
	char good[] = "TcpExt: A ListenOverflowsB ListenOverflows ListenDrops\nTcpExt: 1 2 3 4\n";
	char cut[] = "TcpExt: A ListenOverflows ListenDrops\nTcpExt: 1 2";
	char other[] = "IpExt: A\nIpExt: 1\n";

	(void)state;
	assert_true(xc_netstat_parse(good, names, v, 3));
	assert_int_equal(v[0], 3);
	assert_int_equal(v[1], 4);
	assert_int_equal(v[2], 0);
	assert_true(xc_netstat_parse(cut, names, v, 3));
	assert_int_equal(v[0], 2);
	assert_int_equal(v[1], 0);
	assert_false(xc_netstat_parse(other, names, v, 3));
	v[0] = 77;
	assert_false(xc_text_value("key2 1\n key 2\nkey\n", "key", v));
	assert_false(xc_text_value("key -\n", "key", v));
	assert_int_equal(v[0], 77);
	assert_true(xc_text_value("key2 1\nkey\t 5 kB\n", "key", v));
	assert_int_equal(v[0], 5);
}

/* ---- disks ---------------------------------------------------------------------------------- */

static void only_whole_disks_count_and_once(void **state)
{
	struct xc_sys_sample s;

	(void)state;
	put_host();
	put("sys/block/sda/slaves/.keep", "%s", "");
	put("sys/block/cciss!c0d0/size", "1\n");
	put("sys/block/loop0/size", "1\n");
	put("sys/block/zram0/size", "1\n");
	put("sys/block/dm-0/slaves/sda1", "%s", "");
	put("proc/diskstats", "8 0 sda 100 1 1000 50 200 2 4000 90 0 500 700\n");
	begin();
	put("proc/diskstats", "%s",
	    "   8  0 sda 110 1 1016 70 230 2 4064 150 3 900 10700 9 9 9 9\n"
	    "   8  1 sda1 999 1 9999 99 999 2 9999 999 3 999 99999\n"
	    "   7  0 loop0 999 1 9999 99 999 2 9999 999 3 999 99999\n"
	    " 253  0 zram0 999 1 9999 99 999 2 9999 999 3 999 99999\n"
	    " 252  0 dm-0 999 1 9999 99 999 2 9999 999 3 999 99999\n"
	    "broken\n"
	    " 104  0 cciss/c0d0 10 0 2 20 0 0 0 0 0 0 60000\n");
	s = window();
	assert_int_equal(s.disk_reads, 20);
	assert_int_equal(s.disk_writes, 30);
	assert_int_equal(s.disk_read_bytes, (16 + 2) * 512);
	assert_int_equal(s.disk_write_bytes, 64 * 512);
	assert_int_equal(s.disk_read_ms, 40);
	assert_int_equal(s.disk_write_ms, 60);
	assert_near(s.disk_latency_us, 1000.0 * 100 / 50);
	assert_near(s.disk_queue, 12);	/* of the busiest */
	/* one was taken out, and the other began anew */
	put("proc/diskstats", "%s", "8 0 sda 5 0 5 5 240 0 4064 150 0 0 10\n");
	s = window();
	assert_int_equal(s.disk_reads, 0);
	assert_int_equal(s.disk_writes, 10);
	assert_near(s.disk_queue, 0);
}

static void more_disks_than_are_kept(void **state)
{
	char text[300 * 40];
	size_t n = 0;

	(void)state;
	put_host();
	begin();
	for (int i = 0; i < 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "8 0 x%d 1 1 1 1 1 1 1 1 1 1 1\n",
				      i);
	put("proc/diskstats", "%s", text);
	assert_int_equal(window().disk_reads, 0);	/* none is in /sys/block */
	assert_int_equal(window().disk_reads, 0);
}

/* ---- processes -------------------------------------------------------------------------------- */

static void put_process(unsigned int pid, const char *name, char state, unsigned int ticks)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "proc/%u/stat", pid);
	put(path, "%u (%s) %c 1 1 1 0 -1 4194560 1 2 3 4 %u %u 5 6 20 0 1 0 %u 8 9\n", pid, name,
	    state, ticks - ticks / 2, ticks / 2, 1000 + pid);
}

static void the_three_busiest_are_named(void **state)
{
	struct xc_sys_sample s;

	(void)state;
	put_host();
	put_process(10, "ten", 'S', 5000);
	put_process(9, "nine", 'S', 100);
	put_process(11, "gone", 'S', 100);
	put_process(12, "dead", 'Z', 0);
	begin();
	put_process(10, "ten", 'R', 5050);
	put_process(9, "n;i\n(n) \xc3\xa9\xff", 'R', 300);
	put_process(13, "new", 'S', 25);
	put_process(14, "idle", 'S', 5);
	drop("proc/11");
	s = window();
	assert_string_equal(s.top, "n_i_(n) \xc3\xa9_(40.0%);ten(10.0%);new(5.0%)");
	assert_int_equal(s.n_zombies, 1);
	put("proc/10/stat", "10 (other) R 1 1 1 0 -1 0 1 2 3 4 50 0 5 6 20 0 1 0 999999 8 9\n");
	s = window();
	assert_string_equal(s.top, "other(10.0%)");	/* its number was given again */
	assert_string_equal(window().top, "");
}

static void names_are_cut_between_characters(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "1 (a) S 1 1 1 0 -1 0 1 2 3 4 1 1 5 6 20 0 1 0 7 8", "a" },
		{ "1 () S 1 1 1 0 -1 0 1 2 3 4 1 1 5 6 20 0 1 0 7 8", "" },
		{ "1 (a) b) S 1 1 1 0 -1 0 1 2 3 4 1 1 5 6 20 0 1 0 7 8", "a) b" },
		{ "1 (kworker/u8:2-events_unbound) S 1 1 1 0 -1 0 1 2 3 4 1 1 5 6 20 0 1 0 7 8",
		  "kworker/u8:2-events" },
		{ "1 (aaaaaaaaaaaaaaaaaa\xe2\x82\xac) S 1 1 1 0 -1 0 1 2 3 4 1 1 5 6 20 0 1 0 7 8",
		  "aaaaaaaaaaaaaaaaaa" },
		{ "1 (a) S 1 1 1 0 -1 0 1 2 3 4 1 1 5 6 20 0 1", NULL },
		{ "1 a S", NULL },
		{ "1 )a( S", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xc_process p;
		const char *text = guard_copy(rows[i].text, strlen(rows[i].text) + 1);
		bool is_good = xc_process_parse(text, &p);

		assert_row(rows[i].text, is_good == !!rows[i].want);
		if (!is_good)
			continue;
		assert_string_equal(p.name, rows[i].want);
		assert_int_equal(p.cpu_ticks, 2);
		assert_int_equal(p.start_ticks, 7);
	}
}

static void beyond_the_bound_processes_are_not_looked_at(void **state)
{
	struct xc_sys_sample s;

	(void)state;
	put_host();
	for (unsigned int pid = 1; pid <= XC_PROCESSES_MAX + 10; pid++)
		put_process(pid, "many", 'Z', 100);
	begin();
	s = window();
	assert_true(s.is_partial);
	assert_int_equal(s.n_zombies, XC_PROCESSES_MAX);
	drop("proc/77");
	assert_string_equal(window().top, "");	/* met for the first time, not necessarily new */
}

/* ---- cgroups ----------------------------------------------------------------------------------- */

static void put_v2(const char *path, const char *max, unsigned int periods, unsigned int throttled)
{
	char file[128];

	(void)snprintf(file, sizeof(file), "sys/fs/cgroup%s/cpu.max", path);
	put(file, "%s 100000\n", max);
	(void)snprintf(file, sizeof(file), "sys/fs/cgroup%s/cpu.stat", path);
	put(file, "usage_usec 1\nnr_periods %u\nnr_throttled %u\nthrottled_usec %u\n", periods,
	    throttled, throttled * 1000);
}

static void put_v2_host(void)
{
	put_host();
	put("proc/self/mountinfo", "%s",
	    "24 1 0:22 / / rw - ext4 /dev/sda rw\nbroken\n"
	    "25 24 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	    "26 24 0:23 /a /mnt/part rw - cgroup2 cgroup2 rw\n");
	put("sys/fs/cgroup/cgroup.procs", "1\n");
	put_v2("/a", "50000", 100, 10);
	put_v2("/a/b", "20000", 200, 20);
	put_v2("/a/b/c", "max", 0, 0);
	put_v2("/d", "max", 0, 0);
	put_v2("/d/e", "10000", 1000, 0);
	put("proc/7/cgroup", "0::/a/b/c\n");
	put("proc/8/cgroup", "0::/d\n");
	put("proc/9/cgroup", "0::/d/new/x\n");
}

static void the_nearest_quota_upwards_and_the_topmost_for_the_node(void **state)
{
	struct xc_sys_sample s;
	struct xc_sys_cgroup g;

	(void)state;
	put_v2_host();
	begin();
	put_v2("/a", "50000", 150, 14);
	put_v2("/a/b", "20000", 250, 40);
	put_v2("/d/e", "10000", 1050, 1);
	s = window();
	assert_true(s.cgroup.has_cpu);
	assert_false(s.cgroup.has_memory);
	assert_int_equal(s.cgroup.nr_periods, 50 + 50);	/* /a and /d/e, not /a/b */
	assert_int_equal(s.cgroup.nr_throttled, 4 + 1);
	assert_near(s.cgroup.throttled_ms, 5);
	for (int i = 0; i < 2; i++) {	/* who asks, and how often, changes nothing */
		g = group_of(7, 0);
		assert_true(g.has_cpu);
		assert_int_equal(g.nr_periods, 50);
		assert_int_equal(g.nr_throttled, 20);
		assert_near(g.throttled_ms, 20);
		g = group_of(0, inode_of("sys/fs/cgroup/a/b/c"));
		assert_int_equal(g.nr_throttled, 20);
		g = group_of(8, 0);
		assert_false(g.has_cpu);
	}
	(void)window();
	assert_int_equal(group_of(7, 0).nr_periods, 0);
	assert_true(group_of(7, 0).has_cpu);
}

static void a_group_that_comes_later_counts_from_its_start(void **state)
{
	(void)state;
	put_v2_host();
	begin();
	put_v2("/d/new", "10000", 30, 3);
	put("sys/fs/cgroup/d/new/x/cgroup.procs", "9\n");
	assert_int_equal(window().cgroup.nr_throttled, 3);
	assert_int_equal(group_of(9, 0).nr_throttled, 3);
	put_v2("/d/new", "10000", 40, 5);
	(void)window();
	assert_int_equal(group_of(9, 0).nr_periods, 10);
	drop("sys/fs/cgroup/d/new");
	put_v2("/d/new", "10000", 7, 1);	/* made again: another group */
	put("sys/fs/cgroup/d/new/x/cgroup.procs", "9\n");
	(void)window();
	drop("sys/fs/cgroup/d/new");
	(void)window();
	assert_false(group_of(9, 0).has_cpu);
}

static void a_quota_may_be_set_and_lifted(void **state)
{
	struct xc_sys_sample s;

	(void)state;
	put_v2_host();
	begin();
	put_v2("/d", "10000", 60, 6);
	now_ns += S;
	xc_health_sample(health, now_ns, &s);	/* too early for a look at all groups */
	assert_int_equal(s.cgroup.nr_throttled, 0);
	assert_int_equal(group_of(8, 0).nr_throttled, 6);
	put_v2("/d", "max", 70, 7);
	(void)window();
	assert_false(group_of(8, 0).has_cpu);
}

static void a_process_that_ended_was_where_it_was(void **state)
{
	struct xc_sys_cgroup g;

	(void)state;
	put_v2_host();
	begin();
	(void)window();
	assert_true(group_of(7, 0).has_cpu);
	drop("proc/7");
	put_v2("/a/b", "20000", 201, 21);
	(void)window();
	assert_int_equal(group_of(7, 0).nr_throttled, 1);
	assert_false(xc_health_cgroup(health, 70, 0, &g));
	assert_false(xc_health_cgroup(health, 0, 123456789, &g));
	for (uint32_t i = 100; i < 3000; i++)	/* more than are remembered */
		assert_false(xc_health_cgroup(health, i, 0, &g));
	assert_false(xc_health_cgroup(health, 7, 0, &g));
}

static void put_memory(const char *path, const char *max, unsigned int current, unsigned int cache)
{
	char file[128];

	(void)snprintf(file, sizeof(file), "sys/fs/cgroup%s/memory.max", path);
	put(file, "%s\n", max);
	(void)snprintf(file, sizeof(file), "sys/fs/cgroup%s/memory.current", path);
	put(file, "%u\n", current << 20);
	(void)snprintf(file, sizeof(file), "sys/fs/cgroup%s/memory.stat", path);
	put(file, "anon 1\ninactive_file %u\n", cache << 20);
}

static void memory_is_the_working_set_of_the_nearest_limit(void **state)
{
	struct xc_sys_cgroup g;

	(void)state;
	put_v2_host();
	put_memory("/a", "104857600", 80, 30);
	put_memory("/a/b", "max", 70, 0);
	begin();
	(void)window();
	g = group_of(7, 0);
	assert_true(g.has_memory);
	assert_near(g.memory_percent, 50);
	assert_near(g.memory_available_mib, 50);
	assert_false(group_of(8, 0).has_memory);
	put_memory("/a", "104857600", 120, 10);	/* above the limit for a moment */
	(void)window();
	g = group_of(7, 0);
	assert_near(g.memory_percent, 100);
	assert_near(g.memory_available_mib, 0);
	drop("sys/fs/cgroup/a/memory.current");
	(void)window();
	assert_false(group_of(7, 0).has_memory);
}

static void put_v1(const char *path, int quota, unsigned int periods, unsigned int throttled)
{
	char file[128];

	(void)snprintf(file, sizeof(file), "sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", path);
	put(file, "%d\n", quota);
	(void)snprintf(file, sizeof(file), "sys/fs/cgroup/cpu%s/cpu.stat", path);
	put(file, "nr_periods %u\nnr_throttled %u\nthrottled_time %u\n", periods, throttled,
	    throttled * 1000000);
}

/* v1 controllers beside an empty v2 tree: the paths differ, and v2 ids lead nowhere. */
static void each_controller_has_its_own_hierarchy(void **state)
{
	struct xc_sys_sample s;
	struct xc_sys_cgroup g;

	(void)state;
	put_host();
	put("proc/self/mountinfo", "%s",
	    "31 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	    "32 24 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
	    "33 24 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpuacct,cpu\n"
	    "34 24 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
	put("sys/fs/cgroup/unified/a/cpu.stat", "usage_usec 1\n");
	put("sys/fs/cgroup/cpuset/a/tasks", "%s", "");
	put_v1("", -1, 0, 0);
	put_v1("/x", 20000, 10, 1);
	put_v1("/x/y", -1, 10, 1);
	put("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "%d\n", 100 << 20);
	put("sys/fs/cgroup/memory/m/memory.usage_in_bytes", "%d\n", 90 << 20);
	put("sys/fs/cgroup/memory/m/memory.stat", "inactive_file 1\ntotal_inactive_file %d\n",
	    30 << 20);
	put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("proc/7/cgroup",
	    "9:name=systemd:/a\n4:memory:/m\n3:cpuset:/a\n1:cpu,cpuacct:/x/y\n0::/a\n");
	put("proc/8/cgroup", "4:memory:/\n1:cpu,cpuacct:/\n0::/\nbroken\n");
	begin();
	put_v1("/x", 20000, 30, 4);
	s = window();
	assert_int_equal(s.cgroup.nr_periods, 20);
	assert_near(s.cgroup.throttled_ms, 3);
	g = group_of(7, inode_of("sys/fs/cgroup/unified/a"));
	assert_int_equal(g.nr_throttled, 3);
	assert_near(g.memory_percent, 60);
	assert_near(g.memory_available_mib, 40);
	g = group_of(8, 0);
	assert_false(g.has_cpu || g.has_memory);
	assert_false(xc_health_cgroup(health, 0, inode_of("sys/fs/cgroup/unified/a"), &g));
}

/* Only a part of the hierarchy is mounted, and a process outside of our namespace is asked for. */
static void a_container_sees_a_part(void **state)
{
	struct xc_sys_cgroup g;

	(void)state;
	put_host();
	put("proc/self/mountinfo", "%s",
	    "33 24 0:28 /pod/box /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
	put_v1("", 20000, 10, 1);
	put_v1("/in", -1, 0, 0);
	put("proc/7/cgroup", "1:cpu:/pod/box/in\n");
	put("proc/8/cgroup", "1:cpu:/pod/box2\n");
	put("proc/9/cgroup", "1:cpu:/../../pod/box\n");
	begin();
	put_v1("", 20000, 20, 3);
	assert_int_equal(window().cgroup.nr_throttled, 2);
	assert_int_equal(group_of(7, 0).nr_throttled, 2);
	assert_false(group_of(8, 0).has_cpu);
	assert_int_equal(group_of(9, 0).nr_throttled, 2);
	g = group_of(9, 0);
	assert_false(g.has_memory);
}

static void beyond_the_bound_groups_count_for_the_one_above(void **state)
{
	char file[64];

	(void)state;
	put_v2_host();
	for (unsigned int i = 0; i < 2100; i++) {
		(void)snprintf(file, sizeof(file), "sys/fs/cgroup/a/g%u/cgroup.procs", i);
		put(file, "%s", "");
	}
	begin();
	put_v2("/a", "50000", 110, 12);
	assert_true(window().is_partial);
	for (unsigned int i = 0; i < 2100; i += 100) {
		(void)snprintf(file, sizeof(file), "proc/%u/cgroup", 100 + i);
		put(file, "0::/a/g%u\n", i);
		assert_int_equal(group_of(100 + i, 0).nr_throttled, 2);
	}
	drop("sys/fs/cgroup/a");
	put_v2("/z", "10000", 50, 5);
	put("proc/20/cgroup", "0::/z\n");
	(void)window();
	put_v2("/z", "10000", 60, 6);
	(void)window();	/* there is room again, but no telling whether it is new */
	put_v2("/z", "10000", 61, 8);
	(void)window();
	assert_int_equal(group_of(20, 0).nr_throttled, 2);
}

/* ---- the host this runs on ----------------------------------------------------------------------- */

static uint64_t wall_ns(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts), 0);
	return (uint64_t)ts.tv_sec * S + (uint64_t)ts.tv_nsec;
}

static void this_host_is_within_range(void **state)
{
	struct xc_sys_sample s;
	struct xc_sys_cgroup g;
	struct xc_sys_netns n;
	_cleanup_close_ int ns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	uint32_t inum = xc_netns_inum(ns_fd);

	(void)state;
	assert_int_equal(xc_health_new("/", wall_ns(), &health), 0);
	assert_true(xc_health_netns(health, inum, ns_fd, &n));
	xc_health_sample(health, wall_ns() + S / 1000, &s);
	assert_true(s.is_valid && s.window_s > 0);
	assert_in_range((uint64_t)s.cpu_percent, 0, 100);
	assert_in_range((uint64_t)(s.memory_percent * 1000), 1, 100000);
	assert_in_range((uint64_t)s.swap_percent, 0, 100);
	assert_true(s.memory_available_mib > 0 && s.memory_pressure <= 100);
	assert_true(s.disk_queue >= 0 && s.disk_latency_us >= 0);
	assert_true(s.cgroup.nr_throttled <= s.cgroup.nr_periods);
	assert_true(xc_health_cgroup(health, (uint32_t)getpid(), 0, &g));
	assert_in_range((uint64_t)g.memory_percent, 0, 100);
	assert_true(xc_health_netns(health, inum, -1, &n));
	assert_false(xc_health_netns(health, 0, -1, &n));
}

static void a_namespace_not_asked_for_is_let_go(void **state)
{
	_cleanup_close_ int not_a_namespace = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct xc_sys_netns n;

	(void)state;
	put_host();
	begin();
	assert_false(xc_health_netns(health, 5, not_a_namespace, &n));
	for (uint32_t i = 1; i <= XC_HEALTH_NETNS_MAX; i++)	/* all of them are the own one */
		assert_true(xc_health_netns(health, i, -1, &n));
	assert_false(xc_health_netns(health, 9999, -1, &n));
	for (int i = 0; i < 13; i++) {
		(void)window();
		assert_true(xc_health_netns(health, 1, -1, &n));
	}
	assert_true(xc_health_netns(health, 9999, -1, &n));
}

/* What is kept open of a process must not outlive it: here, a real one that ends. */
static void a_process_of_this_host_ends(void **state)
{
	struct xc_processes p;
	struct xc_sys_sample s = { .window_s = 1 };
	int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t n_open;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		(void)pause();
		_exit(0);
	}
	assert_true(pid > 0 && root_fd >= 0);
	assert_int_equal(xc_processes_init(&p, root_fd), 0);
	n_open = p.n_open;
	assert_true(n_open > 0 && n_open <= p.max_open);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(xc_processes_sample(&p, &s));
	for (size_t i = 0; i < p.n_seen; i++)
		assert_int_not_equal(p.seen[i].pid, pid);
	xc_processes_done(&p);
	assert_int_equal(close(root_fd), 0);
}

#define ON_A_HOST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_HOST(a_window_counts_from_the_one_before),
		ON_A_HOST(a_counter_that_falls_counts_nothing),
		ON_A_HOST(what_is_not_there_is_zero_and_said),
		ON_A_HOST(files_without_sense_are_as_none),
		cmocka_unit_test(counters_are_found_by_their_whole_name),
		ON_A_HOST(only_whole_disks_count_and_once),
		ON_A_HOST(more_disks_than_are_kept),
		ON_A_HOST(the_three_busiest_are_named),
		cmocka_unit_test(names_are_cut_between_characters),
		ON_A_HOST(beyond_the_bound_processes_are_not_looked_at),
		ON_A_HOST(the_nearest_quota_upwards_and_the_topmost_for_the_node),
		ON_A_HOST(a_group_that_comes_later_counts_from_its_start),
		ON_A_HOST(a_quota_may_be_set_and_lifted),
		ON_A_HOST(a_process_that_ended_was_where_it_was),
		ON_A_HOST(memory_is_the_working_set_of_the_nearest_limit),
		ON_A_HOST(each_controller_has_its_own_hierarchy),
		ON_A_HOST(a_container_sees_a_part),
		ON_A_HOST(beyond_the_bound_groups_count_for_the_one_above),
		ON_A_HOST(this_host_is_within_range),
		ON_A_HOST(a_namespace_not_asked_for_is_let_go),
		cmocka_unit_test(a_process_of_this_host_ends),
	};

	return XC_RUN(tests);
}
