/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_dirsum.h"

#include <errno.h>

#include "common/dirsum.h"
#include "common/store_read.h"
#include "common/store_rows.h"
#include "common/store_write.h"
#include "common/vec.h"

enum {
	/** In one transaction, which takes some milliseconds: directories, and files after which there is no other. */
	DIRS_AT_ONCE = 256,
	FILES_AT_ONCE = 8192,
};

struct summed {
	int64_t dir;
	/** So far. */
	uint64_t sum;
	int files;
	bool is_never;
};

typedef VEC(struct summed) sums;

static int load_unsummed(struct store *s, sums *list)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dirs_unsummed);
	int r;
	sqlite3_bind_int(q, 1, DIRS_AT_ONCE);
	while ((r = store_step(s, q)) > 0) {
		struct bytes cover = column_bytes(q, 1);
		struct summed *d = vec_add(list);
		if (!d) {
			sqlite3_reset(q);
			return -ENOMEM;
		}
		*d = (struct summed){.dir = sqlite3_column_int64(q, 0)};
		if (cover.len)
			d->sum = dirsum_of_cover(cover.data, cover.len);
	}
	return r;
}

static int add_file(void *arg, const struct store_file *row)
{
	struct summed *d = arg;
	const struct dirsum_file f = {
		.name = row->name.data, .n = row->name.len, .size = row->size, .mtime = row->mtime, .ctime = row->ctime,
		.inode = row->inode, .btime = row->btime,
	};
	d->sum += dirsum_of_file(&f);
	d->is_never |= row->state != 0;
	return ++d->files >= DIRSUM_FILES;
}

int store_set_dirsum(struct store *s, int64_t dir, int64_t sum)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dirsum_set);
	sqlite3_bind_int64(q, 1, dir);
	sqlite3_bind_int64(q, 2, sum);
	return store_run(s, q);
}

static int sum_dir(struct store *s, struct summed *d)
{
	int r = store_dir_known(s, d->dir, add_file, d);
	d->is_never |= r > 0 || !d->files;
	return r < 0 ? r : store_set_dirsum(s, d->dir, d->is_never ? DIRSUM_NEVER : dirsum_end(d->sum));
}

/** *more: there may be others. */
static int sum_all(struct store *s, sums *list, bool *more)
{
	uint64_t generation;
	int r = store_begin_write(s), files = 0;
	if (r == 0)
		r = load_unsummed(s, list);
	*more = list->len == DIRS_AT_ONCE;
	for (size_t i = 0; i < list->len && r == 0; i++) {
		*more |= files >= FILES_AT_ONCE;
		if (files >= FILES_AT_ONCE)
			break;
		r = sum_dir(s, &list->data[i]);
		files += list->data[i].files;
	}
	/* what comes next begins with another look at its directory */
	store_forget_last(s);
	return r < 0 ? r : store_commit(s, &generation);
}

int store_sum_dirs(struct store *s)
{
	sums list = {0};
	bool more = false;
	int r = sum_all(s, &list, &more);
	if (r < 0)
		store_rollback(s);
	r = r < 0 ? r : more;
	vec_clear(&list);
	return r;
}

static int read_row(sqlite3_stmt *q, void *fn, void *arg)
{
	return STORE_UNBOX(store_dirsum_fn, fn)(arg, sqlite3_column_int64(q, 0), column_bytes(q, 1),
						sqlite3_column_int64(q, 2));
}

int store_dirsums(struct store *s, int64_t root, store_dirsum_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dirsums);
	sqlite3_bind_int64(q, 1, root);
	return store_each(s, q, read_row, STORE_BOX(store_dirsum_fn, fn), arg);
}
