/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/backup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/store_backup.h"
#include "common/thread.h"

enum {
	/** The first scan begins before the first look. */
	FIRST_S = 3,
	/** After one that failed. */
	RETRY_S = 3600,
	/** How long its result waits for room in the writer's queue. */
	NOTE_MS = 5000,
	NICE = 10,
};

struct backups {
	struct backup_options o;
	struct thread thread;
	_Atomic bool is_running, is_cancelled;
	/** Of the copy that runs; set before its thread starts. */
	unsigned keep;
	/* only the thread that looks: */
	int64_t started_at, next, waits_since, interval;
	/** 0 or -errno of the last one; read after its thread was joined. */
	int result;
};

static void note(struct backups *b, const char *name, const char *value, int wait_ms)
{
	struct change *c = change_new(CHANGE_META, strlen(value) + 1);
	if (!c)
		return;
	c->name = name;
	c->dir = change_copy(c, value, strlen(value));
	c->of = TOPIC_BIT(store);
	writer_offer(b->o.writer, c, wait_ms);
}

static void note_success(struct backups *b, int64_t at, const char *name)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)at);
	note(b, "backup_at", text, NOTE_MS);
	note(b, "backup_name", name, NOTE_MS);
	note(b, "backup_error", "", NOTE_MS);
}

static void *run(void *arg)
{
	struct backups *b = arg;
	char name[BACKUP_NAME], why[256] = "";
	struct store_backup copy = {.state_dir = b->o.state_dir, .at = now_ns(), .keep = b->keep,
				    .is_cancelled = &b->is_cancelled};
	setpriority(PRIO_PROCESS, 0, NICE);
	b->result = store_backup(&copy, name, why);
	if (b->result == 0) {
		log_info("the store was copied to " BACKUP_FOLDER "/%s", name);
		note_success(b, copy.at, name);
	} else if (b->result != -ECANCELED) {
		log_error("the store cannot be copied: %s", why);
		note(b, "backup_error", why, NOTE_MS);
	}
	atomic_store(&b->is_running, false);
	return NULL;
}

static bool is_due(struct backups *b, int64_t interval, bool is_idle)
{
	int64_t now = mono_ns();
	if (!interval || now < b->next || writer_error(b->o.writer))
		return false;
	if (!b->waits_since)
		b->waits_since = now;
	return is_idle || now - b->waits_since > interval;
}

/** When to copy next: by the newest copy that there is, and not soon after one that failed.
 * @ended: one has just ended, so the clock may lie about the newest. */
static void plan(struct backups *b, int64_t interval, bool ended)
{
	int64_t newest = store_backup_newest(b->o.state_dir), age = now_ns() - newest, wait;
	if (b->result < 0)
		wait = interval < RETRY_S * NS_PER_S ? interval : RETRY_S * NS_PER_S;
	else if (!newest || age < 0 || age > interval)
		wait = ended ? interval : 0;
	else
		wait = interval - age;
	/* who wants no copies is not told that the last one failed */
	if (!interval && b->interval)
		note(b, "backup_error", "", 0);
	b->next = mono_ns() + wait;
	b->interval = interval;
	b->waits_since = 0;
}

void backups_look(struct backups *b, int64_t interval, unsigned keep, bool is_idle)
{
	if (atomic_load(&b->is_running) || mono_ns() - b->started_at < FIRST_S * NS_PER_S)
		return;
	bool ended = b->thread.is_started;
	thread_join(&b->thread);
	if (ended || !b->next || interval != b->interval)
		plan(b, interval, ended);
	if (!is_due(b, interval, is_idle))
		return;
	b->keep = keep;
	atomic_store(&b->is_running, true);
	int r = thread_start(&b->thread, "backup", run, b);
	if (r < 0) {
		log_error("the store cannot be copied: %s", strerror(-r));
		atomic_store(&b->is_running, false);
		b->next = mono_ns() + RETRY_S * NS_PER_S;
	}
}

int backups_new(const struct backup_options *options, struct backups **out)
{
	struct backups *b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;
	b->o = *options;
	b->started_at = mono_ns();
	b->interval = -1;
	*out = b;
	return 0;
}

void backups_free(struct backups *b)
{
	if (!b)
		return;
	atomic_store(&b->is_cancelled, true);
	thread_join(&b->thread);
	free(b);
}
