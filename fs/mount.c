/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/live.h"
#include "common/log.h"

extern char **environ;

enum {
	EXIT_UNAVAILABLE = 69,
};

/* --- options --- */

/** What mount(8), fstab and systemd pass along and no filesystem needs to know. */
static bool is_for_mount(const char *word, size_t n)
{
	static const char *const words[] = {
		"rw",     "suid",  "nosuid", "dev",  "nodev",   "exec",  "noexec", "auto",
		"noauto", "user",  "nouser", "users", "owner",  "group", "_netdev", "nofail",
		"defaults", "async", "atime", "noatime", "relatime", "nodiratime",
	};
	if (n >= 2 && strncmp(word, "x-", 2) == 0)
		return true;
	if (n >= 8 && strncmp(word, "comment=", 8) == 0)
		return true;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strlen(words[i]) == n && strncmp(words[i], word, n) == 0)
			return true;
	return false;
}

void mount_add_options(struct mount_options *m, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, ",");
		if (n == 9 && strncmp(words, "noindexer", 9) == 0) {
			m->no_indexer = true;
		} else if (n && !is_for_mount(words, n)) {
			buf_adds(&m->fuse, m->fuse.len ? "," : "");
			buf_add(&m->fuse, words, n);
		}
		words += n + (words[n] == ',');
	}
}

/* --- helpers that are programs --- */

static int run_program(char *const argv[])
{
	pid_t pid;
	int status;
	int r = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (r)
		return -r;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/** A mount whose daemon died answers ENOTCONN: it is cleared. */
static void clear_dead_mount(const char *mountpoint)
{
	struct statfs st;
	char *argv[] = {(char *)(uintptr_t)"fusermount3", (char *)(uintptr_t)"-uz",
			(char *)(uintptr_t)"--", (char *)(uintptr_t)mountpoint, NULL};
	/* not stat(): the kernel still has the attributes of the folder and answers by itself */
	if (statfs(mountpoint, &st) == 0 || errno != ENOTCONN)
		return;
	log_info("%s is a dead mount; it is cleared", mountpoint);
	if (geteuid() == 0 && umount2(mountpoint, MNT_DETACH) == 0)
		return;
	run_program(argv);
}

static int check_mountpoint(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		log_error("the mount point %s: %s%s", path, strerror(errno),
			  errno == ENOENT ? " (make it with mkdir)" : "");
		return -errno;
	}
	if (!S_ISDIR(st.st_mode)) {
		log_error("the mount point %s is no folder", path);
		return -ENOTDIR;
	}
	return 0;
}

/** The group of control files; made when missing and we may. */
static int64_t control_group(const struct config *config)
{
	const char *name = config_text(config, OPT_group);
	char *argv[] = {(char *)(uintptr_t)"groupadd", (char *)(uintptr_t)"--system",
			(char *)(uintptr_t)name, NULL};
	if (geteuid() != 0 || !*name)
		return -1;
	const struct group *g = getgrnam(name);
	if (!g && run_program(argv) == 0)
		g = getgrnam(name);
	if (!g)
		log_warning("there is no group %s: only root may give orders", name);
	return g ? (int64_t)g->gr_gid : -1;
}

/* --- the indexer --- */

/** mediamond beside this program, else in the usual places. */
static void find_indexer(struct buf *path)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		buf_addf(path, "%.*s/mediamond", slash ? (int)(slash - self) : 0, self);
		if (access(buf_str(path), X_OK) == 0)
			return;
	}
	buf_reset(path);
	buf_adds(path, access("/usr/sbin/mediamond", X_OK) == 0 ? "/usr/sbin/mediamond" : "mediamond");
}

static void start_indexer(const struct config *config)
{
	int64_t pid;
	_buf_ struct buf path = BUF_INIT(8192);
	if (live_indexer(config_state_dir(config), &pid))
		return;
	find_indexer(&path);
	char *argv[] = {path.data, (char *)(uintptr_t)"-d", (char *)(uintptr_t)config_path(config), NULL};
	int r = run_program(argv);
	if (r < 0)
		log_warning("the indexer (%s) could not be started: the mount shows what was known",
			    buf_str(&path));
}

/* --- */

int mount_run(struct mount_options *m, struct config *config)
{
	/* no secret of ours ends in a core file */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	clear_dead_mount(m->mountpoint);
	int r = check_mountpoint(m->mountpoint);
	int64_t group = r == 0 ? control_group(config) : -1;
	if (r == 0 && !m->no_indexer)
		start_indexer(config);
	int status = r < 0 ? EXIT_UNAVAILABLE : mount_session(m, config, group);
	buf_clear(&m->fuse);
	config_free(config);
	return status;
}
