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
#include <unistd.h>

/** A new private folder; the caller frees the path after unit_remove(). */
static inline char *unit_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	char *path = NULL;
	if (asprintf(&path, "%s/mediamon-unit.XXXXXX", tmp ? tmp : "/tmp") < 0 || !mkdtemp(path))
		fail();
	return path;
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

#endif
