/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A disk that refuses: a VFS of SQLite around the usual one, where calls that change a file (or
 * read one) fail from the i-th on, until the fault is lifted.
 */
#ifndef TESTS_UNIT_FAULTY_DISK_H
#define TESTS_UNIT_FAULTY_DISK_H

#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>

static struct {
	sqlite3_vfs vfs, *real;
	/** Result of the calls that fail; SQLITE_OK: none does. */
	_Atomic int result;
	/** How many calls go well before. */
	_Atomic long left;
	/** Only one fails. */
	_Atomic bool once;
	/** Reads fail, not writes. */
	_Atomic bool reads;
	/** Calls that failed. */
	_Atomic long failed;
	/** Writes since the last sync, of any file: what a machine that stops loses. */
	_Atomic long unsynced;
} faulty;

struct faulty_file {
	sqlite3_file base;
	sqlite3_io_methods methods;
	sqlite3_file *real;
};

static inline void faulty_set(int result, long after, bool once)
{
	atomic_store(&faulty.left, after);
	atomic_store(&faulty.once, once);
	atomic_store(&faulty.failed, 0);
	atomic_store(&faulty.result, result);
}

static inline int faulty_ask(void)
{
	int result = atomic_load(&faulty.result);
	if (result == SQLITE_OK || atomic_fetch_sub(&faulty.left, 1) > 0)
		return SQLITE_OK;
	if (atomic_fetch_add(&faulty.failed, 1) > 0 && atomic_load(&faulty.once))
		return SQLITE_OK;
	return result;
}

#define REAL(f) (((struct faulty_file *)(f))->real)

static inline int faulty_close(sqlite3_file *f)
{
	sqlite3_file *real = REAL(f);
	int rc = real->pMethods->xClose(real);
	sqlite3_free(real);
	return rc;
}

static inline int faulty_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	int rc = atomic_load(&faulty.reads) ? faulty_ask() : SQLITE_OK;
	return rc ? rc : REAL(f)->pMethods->xRead(REAL(f), to, n, at);
}

static inline int faulty_change(void)
{
	return atomic_load(&faulty.reads) ? SQLITE_OK : faulty_ask();
}

static inline int faulty_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	int rc = faulty_change();
	atomic_fetch_add(&faulty.unsynced, 1);
	return rc ? rc : REAL(f)->pMethods->xWrite(REAL(f), from, n, at);
}

static inline int faulty_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = faulty_change();
	return rc ? rc : REAL(f)->pMethods->xTruncate(REAL(f), size);
}

static inline int faulty_sync(sqlite3_file *f, int flags)
{
	int rc = faulty_change();
	atomic_store(&faulty.unsynced, 0);
	return rc ? rc : REAL(f)->pMethods->xSync(REAL(f), flags);
}

static inline int faulty_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return REAL(f)->pMethods->xFileSize(REAL(f), size);
}

static inline int faulty_lock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xLock(REAL(f), level);
}

static inline int faulty_unlock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static inline int faulty_reserved(sqlite3_file *f, int *out)
{
	return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static inline int faulty_control(sqlite3_file *f, int op, void *arg)
{
	return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static inline int faulty_sector(sqlite3_file *f)
{
	return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static inline int faulty_traits(sqlite3_file *f)
{
	return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static inline int faulty_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, out);
}

static inline int faulty_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return REAL(f)->pMethods->xShmLock(REAL(f), offset, n, flags);
}

static inline void faulty_shm_barrier(sqlite3_file *f)
{
	REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static inline int faulty_shm_unmap(sqlite3_file *f, int delete)
{
	return REAL(f)->pMethods->xShmUnmap(REAL(f), delete);
}

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct faulty_file *file = (struct faulty_file *)f;
	(void)vfs;
	memset(file, 0, sizeof *file);
	file->real = sqlite3_malloc(faulty.real->szOsFile);
	int rc = faulty.real->xOpen(faulty.real, name, file->real, flags, out);
	if (rc != SQLITE_OK) {
		sqlite3_free(file->real);
		return rc;
	}
	file->methods = (sqlite3_io_methods){
		2, faulty_close, faulty_read, faulty_write, faulty_truncate, faulty_sync, faulty_size,
		faulty_lock, faulty_unlock, faulty_reserved, faulty_control, faulty_sector, faulty_traits,
		faulty_shm_map, faulty_shm_lock, faulty_shm_barrier, faulty_shm_unmap, NULL, NULL,
	};
	file->base.pMethods = &file->methods;
	return SQLITE_OK;
}

/** From now on every connection of this program is on the disk that refuses. */
static inline void faulty_begin(void)
{
	if (!faulty.real) {
		faulty.real = sqlite3_vfs_find(NULL);
		faulty.vfs = *faulty.real;
		faulty.vfs.szOsFile = sizeof(struct faulty_file);
		faulty.vfs.zName = "faulty";
		faulty.vfs.xOpen = faulty_open;
		sqlite3_vfs_register(&faulty.vfs, 0);
	}
	faulty_set(SQLITE_OK, 0, false);
	atomic_store(&faulty.reads, false);
	sqlite3_vfs_register(&faulty.vfs, 1);
}

static inline void faulty_end(void)
{
	faulty_set(SQLITE_OK, 0, false);
	sqlite3_vfs_register(faulty.real, 1);
}

#endif
