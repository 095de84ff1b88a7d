/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a job's words ask of which roots. */
#include "indexer/pipeline_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"

/**
 * A scan begins at a folder: of a file that is its folder.  Told by the store and the name alone,
 * because the path may be gone, and because we do not look at disks.
 */
static void folder_of(struct pipeline *p, int root, const char *below, struct buf *scope)
{
	int64_t id;
	bool cover;
	const char *slash = strrchr(below, '/'), *name = slash ? slash + 1 : below;
	bool is_folder = store_dir(p->store, p->row[root].id, below, strlen(below), &id, &cover) == 0;
	if (is_folder || !extract_wants(p->scout[root].kind, name, strlen(name)))
		buf_adds(scope, below);
	else
		buf_add(scope, below, slash ? (size_t)(slash - below) : 0);
}

static void plan_root(struct scan_plan *plan, int scout, const char *path)
{
	*plan = (struct scan_plan){.scout = scout};
	plan_add(plan, path, true);
}

/** "rescan [full] all|KIND|/path" → which roots, below what. */
static size_t plan_rescan(struct pipeline *p, const char *target, bool *is_full,
			  struct scan_plan *plan)
{
	_buf_ struct buf scope = BUF_INIT(1 << 16);
	size_t n = 0;
	*is_full = strncmp(target, "full ", 5) == 0;
	target += *is_full ? 5 : 0;
	if (*target == '/') {
		const char *kind, *below;
		int root = pipeline_find_root(p, target, &kind, &below);
		if (root < 0)
			return 0;
		folder_of(p, root, below, &scope);
		plan_root(plan, root, buf_str(&scope));
		plan->is_ordered = true;
		return 1;
	}
	for (size_t i = 0; i < p->scouts; i++)
		if (strcmp(target, "all") == 0 || strcmp(target, pipeline_kind(p->scout[i].kind)) == 0)
			plan_root(&plan[n++], (int)i, "");
	return n;
}

/** "accept-loss NAME COUNT": the root or mount of that name is scanned, and what is missing then is
 * believed to be gone. */
static size_t plan_accept(struct pipeline *p, const char *target, struct scan_plan *plan)
{
	const char *count = strrchr(target, ' '), *colon = memchr(target, ':', strlen(target));
	size_t n = count ? (size_t)((colon && colon < count ? colon : count) - target) : 0;
	for (size_t i = 0; i < p->scouts && count; i++) {
		if (strlen(p->scout[i].name) != n || strncmp(p->scout[i].name, target, n) != 0)
			continue;
		_free_ char *below = colon && colon < count
					     ? strndup(colon + 1, (size_t)(count - colon - 1))
					     : strdup("");
		plan_root(plan, (int)i, below ? below : "");
		plan->accepts = strtoll(count, NULL, 10);
		return 1;
	}
	return 0;
}

size_t plan_job(struct pipeline *p, const char *words, enum scan_kind *kind, struct scan_plan *plan)
{
	const char *target = words + strcspn(words, " ");
	bool is_full = false;
	target += *target == ' ';
	*kind = SCAN_QUICK;
	if (strncmp(words, "accept-loss ", 12) == 0)
		return plan_accept(p, target, plan);
	size_t n = plan_rescan(p, target, &is_full, plan);
	*kind = strncmp(words, "verify ", 7) == 0 ? SCAN_VERIFY : is_full ? SCAN_FULL : SCAN_QUICK;
	return n;
}

uint64_t plan_expected(const struct pipeline *p, const struct scan_plan *plan, size_t n)
{
	int64_t files = 0;
	for (size_t i = 0; i < n; i++)
		files += *plan[i].scopes.data[0].path ? 0 : p->row[plan[i].scout].files;
	return (uint64_t)files;
}
