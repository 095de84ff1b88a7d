/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/grow.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/vec.h"
#include "fs/inode.h"
#include "fs/ops.h"
#include "fs/tree.h"

enum {
	/** A reader that was put aside with a page in its hands asks for the size when it goes on. */
	PAUSE_MS = 30,
};

static struct {
	pthread_mutex_t lock;
	/* protected by lock: */
	/** The file that grows now, 0: none; what its size is then; who asks for its attributes. */
	uint64_t id, size;
	VEC(void *) kept;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void begin(uint64_t id, uint64_t size)
{
	LOCKED(&all.lock);
	all.id = id;
	all.size = size;
}

bool grow_size(uint64_t id, uint64_t *size)
{
	LOCKED(&all.lock);
	if (all.id != id)
		return false;
	*size = all.size;
	return true;
}

bool grow_keeps(uint64_t id, void *request)
{
	LOCKED(&all.lock);
	void **slot = all.id == id ? vec_add(&all.kept) : NULL;
	if (slot)
		*slot = request;
	return slot != NULL;
}

static void end(uint64_t id)
{
	VEC(void *) kept = {0};
	{
		LOCKED(&all.lock);
		all.id = 0;
		memcpy(&kept, &all.kept, sizeof kept);
		memset(&all.kept, 0, sizeof all.kept);
	}
	for (size_t i = 0; i < kept.len; i++)
		ops_answer_attr(kept.data[i], id);
	vec_clear(&kept);
}

/** Pages that end with zeros go.  For an answer to a READ that is on its way the kernel waits. */
static void forget_end(const struct grow_teller *kernel, uint64_t id, uint64_t size)
{
	kernel->forget(id, (int64_t)size);
	nanosleep(&(struct timespec){0, PAUSE_MS * NS_PER_MS}, NULL);
}

bool grow_file(struct view *v, const struct entry *e, const struct grow_teller *kernel)
{
	struct node n = {.entry = e};
	uint64_t size;
	int64_t at, known_at;
	_buf_ struct buf content = BUF_INIT((size_t)64 << 20);
	if (tree_stamp(v, &n, &n.version, &at) < 0 || !inode_stat(tree_id(&n), &size, &known_at))
		return false;
	if (tree_render(v, &n, &content) < 0 || content.len <= size)
		return false;
	uint64_t id = tree_id(&n);
	bool was_read;
	if (!inode_append(id, size, content.data + size, content.len - size, &was_read))
		return false;
	if (kernel && was_read)
		forget_end(kernel, id, size);
	begin(id, content.len);
	if (kernel)
		kernel->store(id, size, content.data + size, content.len - size);
	inode_tell(id, at);
	end(id);
	if (kernel)
		kernel->forget(id, GROW_ATTRIBUTES);
	return true;
}
