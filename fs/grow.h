/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * How files that grow grow in the kernel's cache: whoever reads their end meanwhile sees the bytes or the former end,
 * never zeros in the place of bytes.
 *
 * The kernel fills the last page behind the end with zeros, and it shows what a page has up to the size that it knows:
 * that page is forgotten first, while READs are answered with the new bytes already.  When the kernel learns a new size
 * from attributes it cuts the page there, and may be late with that; so it learns of growth by FUSE_NOTIFY_STORE only,
 * which cuts nothing.  Whoever asks for attributes in that moment is answered when it is over.  (fs/fuse/dev.c,
 * fs/fuse/inode.c of Linux 6.18.)
 */
#ifndef FS_GROW_H
#define FS_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry;
struct view;

/** How the kernel is told. */
struct grow_teller {
	/** Pages from @from on are forgotten, and attributes; GROW_ATTRIBUTES: only these. */
	void (*forget)(uint64_t id, int64_t from);
	void (*store)(uint64_t id, uint64_t at, char *data, size_t n);
};
enum { GROW_ATTRIBUTES = -1 };

/** True when there is more of @e than the kernel knew; it knows it now.  @kernel: NULL before it is there.  Not for handlers. */
bool grow_file(struct view *v, const struct entry *e, const struct grow_teller *kernel);

/** True when @id is being told now: *size is what a look by name is answered, which would cut it else. */
bool grow_size(uint64_t id, uint64_t *size);

/** True when a question for the attributes of @id is kept; ops_answer_attr() answers it soon. */
bool grow_keeps(uint64_t id, void *request);

#endif
