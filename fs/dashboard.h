/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The sections of dashboard.html.  A section writes what stands below its heading, nothing when it has
 * nothing to tell; what it leaves out it counts, and says where to read it.  The same view gives the same
 * bytes: no section asks for the time.  The whole has PAGE_BYTES at most.
 */
#ifndef FS_DASHBOARD_H
#define FS_DASHBOARD_H

#include "common/buf.h"
#include "common/vec.h"
#include "fs/view.h"

/** Where a picture of a series may stand instead of what is there: bytes of its section. */
struct page_picture {
	size_t from, to;
	int64_t series;
};
typedef VEC(struct page_picture) page_pictures;

struct page {
	struct view *v;
	/** Of the section at hand. */
	struct buf *out;
	/** Bytes that the section may have: so many are left of the page. */
	size_t room;
	/** What is to become pictures when all else is written; in the order of their places. */
	page_pictures pictures;
	/** What the section tells of, for the menu; negative: no number. */
	int64_t count;
};

/*   id, file in status/ that tells all of it ("" none), whether it takes the whole width, heading */
#define SECTIONS(S) \
	S(alerts, "health", true, "Alerts") \
	S(jobs, "jobs", false, "Running now") \
	S(roots, "roots", false, "Folders") \
	S(finds, "requests", true, "Found, waiting for your word") \
	S(missing, "missing", true, "Missing volumes") \
	S(links, "symlinks", false, "Broken links") \
	S(plan, "repairs", false, "Repair plan") \
	S(requests, "requests", true, "Requests") \
	S(errors, "errors", true, "Files that cannot be read") \
	S(chapters, "", true, "Chapters") \
	S(plots, "", true, "Over time")

#define S(id, file, wide, title) int page_##id(struct page *p);
SECTIONS(S)
#undef S

/** Puts the section's pictures into @p->out, as many as p->room more bytes hold.  0 or -errno. */
int page_covers(struct page *p);

/** The line that gives an order: through the mount, or without one by `mediamon order`; ready to be copied. */
void page_command(struct page *p, const char *file, const char *words);
/** "And 12 more: status/missing, status/missing.json"; nothing for 0. */
void page_rest(struct page *p, int64_t n, const char *what, const char *file);

#endif
