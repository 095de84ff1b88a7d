/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The roots that scans know: those of the configuration; what former ones left is forgotten. */
#include "indexer/pipeline_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/path.h"
#include "indexer/profile.h"

static int add_root(struct pipeline *p, enum media_kind kind, const char *path, size_t nth)
{
	char name[64];
	int64_t id = 0;
	struct scout *s = &p->scout[p->scouts];
	snprintf(name, sizeof name, nth ? "%s-%zu" : "%s", pipeline_kind(kind), nth + 1);
	struct change *c = change_new(CHANGE_ADD_ROOT, strlen(path) + strlen(name) + 2);
	if (!c)
		return -ENOMEM;
	c->name = change_copy(c, name, strlen(name));
	c->state = pipeline_kind(kind);
	c->dir = change_copy(c, path, strlen(path));
	int r = writer_call(p->o.writer, c, &id);
	if (r < 0)
		return r;
	*s = (struct scout){.root = id, .kind = kind, .path = strdup(path), .name = strdup(name),
			    .fd = -1, .heads_fd = -1, .heads = (uint32_t)nth};
	if (kind == MEDIA_TRACK && nth < (size_t)p->pool.regions)
		s->heads_fd = p->pool.heads[nth];
	p->row[p->scouts++] = (struct root_row){.id = id, .real_path = strdup(path)};
	return 0;
}

int roots_declare(struct pipeline *p)
{
	static const struct {
		enum option_id option;
		enum media_kind kind;
	} lists[] = {{OPT_music, MEDIA_TRACK}, {OPT_manga, MEDIA_VOLUME}, {OPT_links, MEDIA_LINK}};
	size_t n = 0;
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		n += config_count(p->o.config, lists[i].option);
	if (n > 200)
		return -E2BIG;
	p->scout = calloc(n ? n : 1, sizeof *p->scout);
	p->row = calloc(n ? n : 1, sizeof *p->row);
	if (!p->scout || !p->row)
		return -ENOMEM;
	int r = writer_call(p->o.writer, change_new(CHANGE_RETIRE_ROOTS, 0), NULL);
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		for (size_t k = 0; k < config_count(p->o.config, lists[i].option) && r == 0; k++) {
			_buf_ struct buf path = BUF_INIT(8192);
			path_clean(config_item(p->o.config, lists[i].option, k), &path);
			r = add_root(p, lists[i].kind, buf_str(&path), k);
		}
	return r;
}

/* --- roots that the configuration does not name any more --- */

static int forget_file(void *arg, const struct store_file *row)
{
	struct pipeline *p = arg;
	struct change *c = change_new(CHANGE_FORGET_FILE, 0);
	if (!c)
		return -ENOMEM;
	c->row = row->id;
	return writer_put(p->o.writer, c);
}

static int forget_dir(void *arg, int64_t id, struct bytes path)
{
	struct pipeline *p = arg;
	(void)path;
	int r = store_dir_files(p->store, id, forget_file, p);
	struct change *c = change_new(CHANGE_FORGET_DIR, 0);
	if (r < 0 || !c) {
		change_free(c);
		return r < 0 ? r : -ENOMEM;
	}
	c->row = id;
	return writer_put(p->o.writer, c);
}

/** The person said so by taking it out of the configuration: it is no loss. */
static int forget_root(void *arg, int64_t id)
{
	struct pipeline *p = arg;
	int r = store_dirs_below(p->store, id, "", 0, forget_dir, p);
	struct change *errors = change_new(CHANGE_EXPIRE_ERRORS, 0);
	struct change *root = change_new(CHANGE_DELETE_ROOT, 0);
	if (r < 0 || !errors || !root) {
		change_free(errors);
		change_free(root);
		return r < 0 ? r : -ENOMEM;
	}
	errors->root = root->root = id;
	errors->job = -1;
	r = writer_put(p->o.writer, errors);
	int e = writer_put(p->o.writer, root);
	return r < 0 ? r : e;
}

static int copy_state(void *arg, const struct store_root *row)
{
	struct pipeline *p = arg;
	for (size_t i = 0; i < p->scouts; i++)
		if (p->row[i].id == row->id) {
			struct root_row *r = &p->row[i];
			snprintf(r->state, sizeof r->state, "%s", row->state);
			snprintf(r->fstype, sizeof r->fstype, "%s", row->fstype);
			snprintf(r->watch, sizeof r->watch, "%s", row->watch);
			if (row->real_path.len) {
				free(r->real_path);
				r->real_path = strndup(row->real_path.data, row->real_path.len);
			}
			r->device = row->device;
			r->held = row->held;
			r->files = row->files;
		}
	return 0;
}

int roots_take_up(struct pipeline *p)
{
	int r = store_former_roots(p->store, forget_root, p);
	return r < 0 ? r : store_roots(p->store, copy_state, p);
}

/* --- their scouts --- */

static enum watch_mode mode_of(const char *word)
{
	static const char *const words[] = {"auto", "inotify", "fanotify", "poll"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(words[i], word) == 0)
			return (enum watch_mode)i;
	return WATCH_AUTO;
}

int roots_start_scouts(struct pipeline *p)
{
	const struct config *config = p->o.config;
	char *patterns[256];
	size_t n = config_count(config, OPT_scan_exclude);
	n = n < COUNT_OF(patterns) ? n : COUNT_OF(patterns);
	for (size_t i = 0; i < n; i++)
		patterns[i] = (char *)(uintptr_t)config_item(config, OPT_scan_exclude, i);
	const struct profile *profile = profile_here(config_text(config, OPT_profile));
	int64_t walkers = config_int(config, OPT_scan_walkers);
	int first = profile_count(walkers, 2, profile->walkers);
	int jobs[POOL_MAX + 1];
	memcpy(jobs, p->pool.job_send, sizeof p->pool.job_send);
	jobs[p->pool.count] = p->checker.pool.job_send[0];
	const struct scout_options options = {
		.jobs = jobs, .workers = p->pool.count + 1, .walkers = first,
		.walkers_most = walkers ? first : profile->walkers_most, .slots = profile->slots,
		.mode = (int)mode_of(config_text(config, OPT_scan_watch)), .patterns = patterns,
		.pattern_count = n, .marker = config_text(config, OPT_scan_marker),
	};
	for (size_t i = 0; i < p->scouts; i++) {
		int r = p->scout[i].fd >= 0 ? 0 : scout_start(&p->scout[i], &options);
		if (r < 0)
			return r;
	}
	return 0;
}
