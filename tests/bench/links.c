/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Looks at very many links, as the indexer does.
 *
 *   links FOLDER LINKS DIRECTORIES TARGETS ROUNDS         (make RELEASE=1 build-release/bench/links)
 *
 * Makes FOLDER/mnt/__all__ with TARGETS directories (kept for the next time), FOLDER/links with LINKS links in
 * DIRECTORIES directories, and a state directory anew.  Prints, for each look, "first" or "again", the seconds
 * until its verdicts were durable, those until its end (sizes of targets come later), those of CPU of both processes
 * until the verdicts, its result, and what it said: the first one, then ROUNDS with nothing changed.  On stderr, for
 * each step of a look: seconds, and those of CPU of this process and of the one that looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/load/writer.h"
#include "indexer/monitor/monitor_missing.h"
#include "indexer/symlinks/looker.h"
#include "indexer/symlinks/symlinks.h"

struct bench {
	char folder[512];
	long links, dirs, targets;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int make(const char *format, const char *folder, long n)
{
	char path[1024];
	snprintf(path, sizeof path, format, folder, n);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die(path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static void make_targets(const struct bench *b)
{
	long each = (b->links + b->targets - 1) / b->targets;
	char name[128];
	for (long t = 0; t < b->targets; t++) {
		_close_ int dir = make("%s/mnt/__all__/Show.Name.S%06ld.1080p.WEB.x264-GRP", b->folder, t);
		for (long e = 0; e < each; e++) {
			snprintf(name, sizeof name, "Show.Name.S%06ldE%02ld.1080p.WEB.x264-GRP.mkv", t, e);
			int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
			if (fd < 0)
				die(name);
			close(fd);
		}
	}
}

static void make_links(const struct bench *b)
{
	long each = b->links / b->dirs, into = (b->links + b->targets - 1) / b->targets;
	char name[128], target[1024];
	for (long d = 0; d < b->dirs; d++) {
		_close_ int dir = make("%s/links/Show Name %06ld", b->folder, d);
		for (long e = 0; e < each; e++) {
			long n = d * each + e;
			snprintf(name, sizeof name, "Show Name - S%02ldE%02ld - Episode WEBDL-1080p.mkv", d % 20, e);
			snprintf(target, sizeof target,
				 "%s/mnt/__all__/Show.Name.S%06ld.1080p.WEB.x264-GRP/"
				 "Show.Name.S%06ldE%02ld.1080p.WEB.x264-GRP.mkv", b->folder, n / into, n / into, n % into);
			if (symlinkat(target, dir, name) < 0)
				die(name);
		}
	}
}

static void make_all(const struct bench *b)
{
	char done[1024];
	snprintf(done, sizeof done, "%s/made-%ld-%ld-%ld", b->folder, b->links, b->dirs, b->targets);
	if (access(done, F_OK) == 0)
		return;
	close(make("%s/mnt", b->folder, 0));
	close(make("%s/mnt/__all__", b->folder, 0));
	close(make("%s/links", b->folder, 0));
	make_targets(b);
	make_links(b);
	close(open(done, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	/* a directory that changed just now is read again: the bench is of trees at rest */
	sleep(4);
}

static struct config *configure(const struct bench *b, char *state)
{
	char path[1024];
	struct buf why = BUF_INIT(4096);
	struct config *config;
	snprintf(state, 1024, "%s/state.XXXXXX", b->folder);
	if (!mkdtemp(state))
		die(state);
	snprintf(path, sizeof path, "%s/conf", b->folder);
	FILE *f = fopen(path, "w");
	if (!f)
		die(path);
	fprintf(f, "links = {\"%s/links\"}\nstate_dir = \"%s\"\nrealdebrid {\n\tmount = \"%s/mnt\"\n}\n", b->folder,
		state, b->folder);
	fclose(f);
	if (config_load(path, &config, &why) < 0) {
		fputs(buf_str(&why), stderr);
		exit(1);
	}
	return config;
}

static void add_root(const struct bench *b, struct writer *w)
{
	char path[1024];
	int64_t row;
	snprintf(path, sizeof path, "%s/links", b->folder);
	struct change *c = change_new(CHANGE_ADD_ROOT, sizeof path + 64);
	if (!c)
		exit(1);
	c->name = change_copy(c, "links", 5);
	c->state = change_copy(c, "links", 5);
	c->dir = change_copy(c, path, strlen(path));
	if (writer_call(w, c, &row) < 0)
		exit(1);
}

/* --- looking --- */

/** Seconds since some time: of the clock, of CPU of this process and of its children, of which there is one. */
struct seconds {
	double wall, own, looker;
};

static double looker_seconds(void)
{
	char path[64], line[512];
	long child = 0;
	unsigned long user = 0, sys = 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "r");
	if (f) {
		child = fgets(line, sizeof line, f) ? strtol(line, NULL, 10) : 0;
		fclose(f);
	}
	snprintf(path, sizeof path, "/proc/%ld/stat", child);
	f = child ? fopen(path, "r") : NULL;
	if (!f)
		return 0;
	const char *end = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
	if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
		user = sys = 0;
	fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static double of_time(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static struct seconds seconds_now(void)
{
	struct rusage own;
	getrusage(RUSAGE_SELF, &own);
	return (struct seconds){(double)mono_ns() / 1e9, of_time(own.ru_utime) + of_time(own.ru_stime),
				looker_seconds()};
}

/** The running look. */
static struct {
	struct seconds began, step;
	const char *name;
	/** Until verdicts were durable: of the clock, of CPU. */
	double judged, busy;
} run;

static void on_step(void *arg, const char *name)
{
	(void)arg;
	struct seconds now = seconds_now();
	fprintf(stderr, "  %-8s %7.3f s, CPU %7.3f + %5.2f\n", run.name, now.wall - run.step.wall,
		now.own - run.step.own, now.looker - run.step.looker);
	if (strcmp(name, "purge") == 0) {
		run.judged = now.wall - run.began.wall;
		run.busy = now.own - run.began.own + now.looker - run.began.looker;
	}
	run.step = now;
	run.name = name;
}

static void look(struct symlinks *s, const char *what)
{
	struct symlinks_progress progress;
	run.began = run.step = seconds_now();
	run.name = "load";
	uint64_t number = symlinks_scan(s, false);
	int r = symlinks_look(s, false);
	on_step(NULL, "");
	double all = run.step.wall - run.began.wall;
	symlinks_progress(s, number, &progress);
	fprintf(stderr, "  %-8s %7.3f s, CPU %7.3f + %5.2f\n", what, all, run.step.own - run.began.own,
		run.step.looker - run.began.looker);
	printf("%s %.3f %.3f %.2f %d %s\n", what, run.judged, all, run.busy, r, progress.result);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bench b;
	char state[1024], why[256] = "";
	if (argc > 1 && strcmp(argv[1], "--looker") == 0)
		return looker_main();
	if (argc != 6)
		return 2;
	snprintf(b.folder, sizeof b.folder, "%s", argv[1]);
	b.links = strtol(argv[2], NULL, 10);
	b.dirs = strtol(argv[3], NULL, 10);
	b.targets = strtol(argv[4], NULL, 10);
	if (b.links < 1 || b.dirs < 1 || b.targets < 1)
		return 2;
	make_all(&b);
	struct config *config = configure(&b, state);
	struct live_page *live = live_create(state);
	struct writer_options o = {.state_dir = state, .live = live, .gaps = monitor_missing};
	struct writer *w;
	struct symlinks *s;
	if (!live || writer_new(&o, &w, why) < 0) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	add_root(&b, w);
	struct symlinks_options options = {.config = config, .state_dir = state, .writer = w, .step = on_step};
	if (symlinks_new(&options, &s) < 0)
		return 1;
	look(s, "first");
	for (long i = strtol(argv[5], NULL, 10); i > 0; i--)
		look(s, "again");
	symlinks_free(s);
	writer_free(w);
	live_close(live);
	config_free(config);
	return 0;
}
