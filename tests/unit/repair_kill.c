/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * kill -9 at every moment of a run that puts torrents back, relinks and removes: at each call of the provider (before
 * it, and when it was carried out but not yet answered), each sync of the store, each change of the disk that the hand makes.
 * Afterwards a start goes on to the same end: each hash was added at most once, no link was changed without its
 * journal row, no torrent is lost.
 */
#include "tests/unit/repair_world.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define SHARED_ENV "MEDIAMON_TEST_SHARED"

enum { TORRENTS_MOST = 16, FAULTS_MOST = 8, RUN_NS_MINUTES = 30 };

/** Who dies at the moment. */
enum victim { VICTIM_ALL, VICTIM_SELF };

/** The test, the life that is to be killed, and its hand; and the provider, which outlives them all. */
static struct shared {
	_Atomic int armed;
	/** Counts down to the moment. */
	_Atomic long left;
	_Atomic int victim;
	_Atomic pid_t life, hand;
	int64_t clock;
	struct debrid provider;
	struct debrid_torrent torrent[TORRENTS_MOST];
	struct debrid_fault fault[FAULTS_MOST];
	size_t torrents, faults;
} *shared;

static void map_shared(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		_exit(99);
	close(fd);
	shared = p;
}

/** Only in a life and its hand. */
static void moment(void)
{
	if (!shared || !shared->armed)
		return;
	pid_t self = getpid();
	if (self != shared->life && self != shared->hand)
		return;
	if (atomic_fetch_sub(&shared->left, 1) != 0)
		return;
	if (shared->victim == VICTIM_ALL) {
		pid_t other = self == shared->life ? shared->hand : shared->life;
		if (other > 0)
			kill(other, SIGKILL);
	}
	kill(self, SIGKILL);
}

#define PUBLIC __attribute__((visibility("default")))
#define AT_MOMENT(number, ...) \
	({ \
		moment(); \
		syscall(number, __VA_ARGS__); \
	})

/* what a killed process has written stays without a sync, and the disk is spared */

PUBLIC int fsync(int fd)
{
	moment();
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

PUBLIC int fdatasync(int fd)
{
	return fsync(fd);
}

PUBLIC int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return (int)AT_MOMENT(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

PUBLIC int symlinkat(const char *text, int dir, const char *name)
{
	return (int)AT_MOMENT(SYS_symlinkat, text, dir, name);
}

PUBLIC int unlinkat(int dir, const char *name, int flags)
{
	return (int)AT_MOMENT(SYS_unlinkat, dir, name, flags);
}

PUBLIC int fchownat(int dir, const char *name, uid_t uid, gid_t gid, int flags)
{
	return (int)AT_MOMENT(SYS_fchownat, dir, name, uid, gid, flags);
}

PUBLIC int utimensat(int dir, const char *name, const struct timespec times[2], int flags)
{
	return (int)AT_MOMENT(SYS_utimensat, dir, name, times, flags);
}

/* --- a provider that outlives us --- */

static void save_provider(void)
{
	assert_true(debrid.torrents.len <= TORRENTS_MOST && debrid.faults.len <= FAULTS_MOST);
	shared->provider = debrid;
	shared->torrents = debrid.torrents.len;
	shared->faults = debrid.faults.len;
	memcpy(shared->torrent, debrid.torrents.data, debrid.torrents.len * sizeof *shared->torrent);
	if (debrid.faults.len)
		memcpy(shared->fault, debrid.faults.data, debrid.faults.len * sizeof *shared->fault);
	shared->clock = world_now();
}

static void load_provider(void)
{
	struct debrid mine = debrid;
	debrid = shared->provider;
	debrid.offers.data = mine.offers.data;
	debrid.torrents.data = NULL;
	debrid.torrents.len = debrid.torrents.cap = 0;
	debrid.faults.data = mine.faults.data;
	vec_clear(&mine.torrents);
	for (size_t i = 0; i < shared->torrents; i++)
		*vec_add(&debrid.torrents) = shared->torrent[i];
	for (size_t i = 0; i < shared->faults; i++)
		debrid.faults.data[i] = shared->fault[i];
	atomic_store(&world_clock, shared->clock);
}

/** Done, but for the answer. */
static int end_call(int r)
{
	save_provider();
	moment();
	return r;
}

static int kept_add(void *state, const char *hash, char *id, struct provider_error *e)
{
	moment();
	return end_call(debrid_add(state, hash, id, e));
}

static int kept_select(void *state, const char *id, const int64_t *files, size_t n, struct provider_error *e)
{
	moment();
	return end_call(debrid_select(state, id, files, n, e));
}

static int kept_remove(void *state, const char *id, struct provider_error *e)
{
	moment();
	return end_call(debrid_remove(state, id, e));
}

static int kept_info(void *state, const char *id, struct provider_torrent *t, struct provider_error *e)
{
	return end_call(debrid_info(state, id, t, e));
}

static struct provider provider_kept;
static const struct provider *const kept_providers[] = {&provider_kept, NULL};

/* --- the library --- */

static const struct {
	const char *path, *after;
} library[] = {{"a/1.mkv", "New Name/file.mkv"}, {"a/2.mkv", "New Name/file.mkv"}, {"b/gone.mkv", ""}, {"b/same.mkv", "T3/file.mkv"}};

static struct hand_facts original[COUNT_OF(library)];

static void make_library(void)
{
	repair_begin(WIDE, "");
	put_anchor();
	debrid_put("old1", H(1), "T1", "dead");
	debrid_put("old2", H(2), "T2", "dead");
	debrid_put("old3", H(3), "T3", "dead");
	put_link("a/1.mkv", "T1/file.mkv", LINK_BROKEN);
	put_link("a/2.mkv", "T1/file.mkv", LINK_BROKEN);
	put_link("b/gone.mkv", "T2/file.mkv", LINK_BROKEN);
	put_link("b/same.mkv", "T3/file.mkv", LINK_BROKEN);
	struct store_permanent p = {.provider = "memory", .hash = H(2), .torrent = "old2", .name = "T2", .kind = "infringing_file",
				    .reason = "infringing", .at = world_now()};
	assert_int_equal(repairs_permanent(world.writer, &p), 0);
	index_all();
	debrid_offer(H(1), "New Name", MINUTE_NS);
	debrid_offer(H(3), "T3", 0);
	/* nobody knows whether that was done; it was */
	debrid_fail(CALL_ADD, H(3), 1, PROVIDER_UNKNOWN)->is_carried_out = true;
	for (size_t i = 0; i < COUNT_OF(library); i++)
		original[i] = links_facts(library[i].path);
	ASSERT_APPLIED(plan());
}

static bool is_original(size_t i)
{
	if (!links_is_there(library[i].path))
		return false;
	struct hand_facts f = links_facts(library[i].path);
	return strcmp(f.target, original[i].target) == 0 && f.uid == original[i].uid && f.gid == original[i].gid &&
	       f.mtime == original[i].mtime;
}

static bool is_after(size_t i)
{
	if (!*library[i].after)
		return !links_is_there(library[i].path);
	if (!links_is_there(library[i].path))
		return false;
	struct hand_facts f = links_facts(library[i].path);
	return strcmp(f.target, mount_path("__all__/%s", library[i].after)) == 0 && f.uid == original[i].uid &&
	       f.gid == original[i].gid && f.mtime == original[i].mtime;
}

/* --- lives --- */

static void keep_clock(void)
{
	shared->clock = world_now();
}

/** Lives in a process of its own; whether it reached its end without the moment (@at -1: no moment). */
static bool live_until(long at, enum victim victim, int64_t ns)
{
	load_provider();
	shared->left = at;
	shared->victim = (int)victim;
	shared->hand = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		world_open(&world);
		repair_add_root();
		repair_world_start();
		repair_before_step = keep_clock;
		shared->life = getpid();
		shared->armed = at >= 0;
		live(ns);
		shared->armed = 0;
		save_provider();
		repair_free(repair);
		world_close(&world);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	shared->armed = 0;
	shared->life = 0;
	if (!((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 0)))
		fail_msg("moment %ld: the life ended with status %x", at, (unsigned)status);
	load_provider();
	return at < 0 || shared->left >= 0;
}

static int logged(const char *format, const char *of)
{
	char line[160];
	int n = 0;
	snprintf(line, sizeof line, format, of);
	for (int i = 0; i < debrid.logged && i < DEBRID_LOG; i++)
		n += strcmp(debrid.log[i], line) == 0;
	return n;
}

static void check(long at, bool is_over)
{
	for (size_t i = 0; i < COUNT_OF(library); i++) {
		const char *path = library[i].path;
		if (!is_original(i) && !is_after(i))
			fail_msg("moment %ld: %s is neither what it was nor what it should be", at, path);
		if (!is_original(i) && !rows("SELECT count(*) FROM journal WHERE CAST(path AS TEXT) = '%s'", path))
			fail_msg("moment %ld: %s was changed without a row", at, path);
		if (is_over && !is_after(i))
			fail_msg("moment %ld: %s was not mended", at, path);
	}
	/* the old one goes last */
	if (!debrid_find("old1") && !(is_after(0) && is_after(1) && link_works("a/1.mkv")))
		fail_msg("moment %ld: the old one is gone, and its links do not work", at);
	if (!debrid_find("old3") && !link_works("b/same.mkv"))
		fail_msg("moment %ld: the old one is gone, and its link does not work", at);
	for (int n = 1; n <= 3; n++) {
		const char *hash = H(n);
		int there = 0;
		for (size_t i = 0; i < debrid.torrents.len; i++)
			there += strcmp(debrid.torrents.data[i].hash, hash) == 0;
		if (there < 1)
			fail_msg("moment %ld: torrent %d is lost", at, n);
		if (is_over && there != 1)
			fail_msg("moment %ld: torrent %d is there %d times", at, n, there);
		if (logged("add %s", hash) > 1)
			fail_msg("moment %ld: torrent %d was added %d times", at, n, logged("add %s", hash));
	}
	assert_true(debrid.most_of_a_hash <= 2);
}

static bool kill_at(long at, enum victim victim)
{
	repair_providers = kept_providers;
	make_library();
	save_provider();
	repair_free(repair);
	repair = NULL;
	world_close(&world);
	bool reached_end = live_until(at, victim, RUN_NS_MINUTES * MINUTE_NS);
	assert_int_equal(store_open_reader(world.dir, &world.reader), 0);
	check(at, false);
	store_close(world.reader);
	live_until(-1, victim, 8 * HOUR_NS);
	assert_int_equal(store_open_reader(world.dir, &world.reader), 0);
	check(at, true);
	if (rows("SELECT count(*) FROM plan_item WHERE state = 'done'") != 3)
		fail_msg("moment %ld: %s", at, text_of_row("SELECT group_concat(action || ' ' || state || ' ' || reason) FROM plan_item"));
	if (rows("SELECT count(*) FROM journal WHERE step IN ('planned', 'undoing')"))
		fail_msg("moment %ld: a row is still open", at);
	assert_string_equal(text_of_row("SELECT state FROM plan"), "applied");
	store_close(world.reader);
	world_open(&world);
	repair_end();
	repair = NULL;
	return reached_end;
}

static void kill_everywhere(enum victim victim, int stride)
{
	long n = 0;
	while (n < 1000 && !kill_at(n, victim))
		n += stride;
	print_message("    killed at %ld moments\n", n / stride);
	assert_true(n > 40 && n < 1000);
}

static void everything_dies(void **state)
{
	(void)state;
	kill_everywhere(VICTIM_ALL, UNIT_SANITIZED ? 5 : 1);
}

static void one_process_dies(void **state)
{
	(void)state;
	kill_everywhere(VICTIM_SELF, UNIT_SANITIZED ? 7 : 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_dies),
		cmocka_unit_test(one_process_dies),
	};
	if (argc > 1 && strcmp(argv[1], "--hand") == 0 && getenv(SHARED_ENV)) {
		map_shared(getenv(SHARED_ENV));
		if (shared->life)
			shared->hand = getpid();
	}
	int child = repair_child(argc, argv);
	if (child >= 0)
		return child;
	char path[256];
	const char *tmp = getenv("TMPDIR");
	snprintf(path, sizeof path, "%s/mediamon-shared.XXXXXX", tmp ? tmp : "/tmp");
	int fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, sizeof *shared) < 0)
		return 1;
	close(fd);
	setenv(SHARED_ENV, path, 1);
	map_shared(path);
	provider_kept = provider_memory;
	provider_kept.add = kept_add;
	provider_kept.select = kept_select;
	provider_kept.remove = kept_remove;
	provider_kept.info = kept_info;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
