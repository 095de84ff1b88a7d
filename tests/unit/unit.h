/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What every unit test needs: cmocka with its prerequisites, and folders of its own. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

/** Programs with sanitizers are many times slower: they look for faults of memory and threads, which repeat
 * themselves, and the numbers are tested by those without. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNIT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNIT_SANITIZED 1
#endif
#endif
#ifndef UNIT_SANITIZED
#define UNIT_SANITIZED 0
#endif

/** @usual, and with LONG=1 @much: of rounds, sizes, days. */
static inline int unit_many(int usual, int much)
{
	return getenv("LONG") ? much : usual;
}

/** Of all steps that could be taken every so-manieth is: @usual, half of these with sanitizers, all with LONG=1. */
static inline int unit_stride(int usual)
{
	return unit_many(UNIT_SANITIZED ? 2 * usual : usual, 1);
}

static inline const char *unit_tmp(void)
{
	const char *tmp = getenv("TMPDIR");
	return tmp ? tmp : "/tmp";
}

/** Where a sync costs nothing, for what is not about the disk: in memory, when there is enough of it. */
static inline const char *unit_quick_tmp(void)
{
	static const char memory[] = "/dev/shm";
	struct statvfs v;
	if (getenv("TMPDIR") || access(memory, W_OK | X_OK) < 0 || statvfs(memory, &v) < 0)
		return unit_tmp();
	return (uint64_t)v.f_bavail * v.f_frsize >= UINT64_C(1) << 30 ? memory : unit_tmp();
}

static inline char *unit_folder_in(const char *tmp)
{
	char *path = NULL;
	if (asprintf(&path, "%s/mediamon-unit.XXXXXX", tmp) < 0 || !mkdtemp(path))
		fail();
	return path;
}

/** A new private folder; the caller frees the path after unit_remove(). */
static inline char *unit_folder(void)
{
	return unit_folder_in(unit_tmp());
}

/** The same, at unit_quick_tmp(). */
static inline char *unit_quick_folder(void)
{
	return unit_folder_in(unit_quick_tmp());
}

/** Removes the files of a folder (no folders inside) and the folder. */
static inline void unit_remove(char *path)
{
	static const char *const names[] = {"mediamon.db", "mediamon.db-wal", "mediamon.db-shm",
					    "live",        "mediamond.pid",   "conf"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char file[4096];
		snprintf(file, sizeof file, "%s/%s", path, names[i]);
		unlink(file);
	}
	rmdir(path);
	free(path);
}

/** Removes a folder with all that is in it. */
static inline void unit_remove_tree(char *path)
{
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", path, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	free(path);
}

#endif
