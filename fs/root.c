/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The root of the mount: what stands there, README.txt, events.jsonl. */
#include <stdio.h>

#include "fs/tree.h"
#include "fs/views.h"

/* --- README.txt: made from the tables themselves --- */

static void describe(const struct entry *e, const struct entry *parent, int depth, struct buf *out)
{
	enum { COLUMN = 34, DEEPEST = 5 };
	size_t start = out->len;
	for (int i = 0; i < depth; i++)
		buf_adds(out, "  ");
	buf_adds(out, e->name ? e->name : S_ISDIR(e->mode) ? "<name>" : "<file>");
	if (S_ISDIR(e->mode))
		buf_addc(out, '/');
	while (out->len - start < COLUMN)
		buf_addc(out, ' ');
	buf_addf(out, " %s\n", e->help ? e->help : "");
	/* a folder of folders of its own kind is told once */
	if (parent && parent->dir == e->dir)
		return;
	for (const struct entry *c = e->dir; c && c->mode && depth < DEEPEST; c++)
		describe(c, e, depth + 1, out);
}

static int show_readme(struct view *v, const struct node *n, struct buf *out)
{
	(void)v;
	(void)n;
	buf_adds(out,
		 "mediamon: your music and manga libraries, as files.\n\n"
		 "Read with cat, ls, a file manager or a script; every text in status/ has a .json\n"
		 "twin. Give orders with echo:\n\n"
		 "    cat status/summary            one screen\n"
		 "    cat status/missing            volumes that are missing\n"
		 "    cat status/symlinks           links that are broken, held or not certain\n"
		 "    cat status/repairs            what would be done about them, and what can be undone\n"
		 "    echo manga > control/rescan   look at the manga folders again\n"
		 "    cat control/last              what became of the order\n"
		 "    cat history/*/diff            what changed since then\n"
		 "    cat control/rescan            how the order is written\n\n");
	for (const struct entry *e = ROOT_ENTRY.dir; e->mode; e++)
		describe(e, NULL, 0, out);
	return 0;
}

/* --- events.jsonl --- */

enum {
	/** Events of one segment; the file begins with the segment before. */
	SEGMENT = 4096,
};

/** Segments are counted from 1, so that the file's node is never version 0. */
static int stamp_events(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	int64_t last = 0;
	(void)row;
	int r = v->store ? store_event_last(v->store, &last) : 0;
	*version = (uint64_t)last / SEGMENT + 1;
	*at = v->at[TOPIC_events];
	return r;
}

static int json_event(void *arg, const struct store_event *row)
{
	struct buf *out = arg;
	struct json j;
	json_init(&j, out, 0);
	json_object(&j);
	json_kv_int(&j, "seq", row->seq);
	json_kv_time(&j, "time", row->time / 1000000 * 1000000);
	json_kv_text(&j, "kind", row->kind);
	/* the body's own keys follow in the same object */
	if (row->body.len > 2) {
		buf_adds(out, ", ");
		buf_add(out, row->body.data + 1, row->body.len - 2);
	}
	buf_adds(out, "}\n");
	return 0;
}

static int show_events(struct view *v, const struct node *n, struct buf *out)
{
	uint64_t version;
	int64_t at;
	(void)n;
	int r = stamp_events(v, 0, &version, &at);
	if (r < 0 || !v->store)
		return r;
	int64_t after = version > 1 ? (int64_t)(version - 2) * SEGMENT : 0;
	return store_events(v->store, after, 2 * SEGMENT, json_event, out);
}

/* --- the root --- */

static const struct entry root_dir[] = {
	FILE_OF("README.txt", show_readme, .help = "this text"),
	FILE_OF("dashboard.html", show_dashboard, .topics = OF_EVERYTHING, .moods = MOODY,
		.help = "one page for a browser: what needs you, what runs, what is missing; no server, no network"),
	FILE_OF("events.jsonl", show_events, .topics = TOPIC_BIT(events), .stamp = stamp_events,
		.grows = true, .help = "what happened last, one JSON object a line; tail -f works"),
	DIRECTORY("status", status_dir, .help = "what there is to know"),
	DIRECTORY("metrics", metrics_dir, .help = "numbers of scans"),
	DIRECTORY("control", control_dir, .help = "write an order into a file to give it"),
	DIRECTORY("music", music_dir, .help = "the music library, by tags"),
	DIRECTORY("manga", manga_dir, .topics = TOPIC_BIT(manga), .help = "a folder for each series"),
	DIRECTORY("links", links_dir, .help = "trees of symbolic links"),
	DIRECTORY("history", history_dir, .topics = TOPIC_BIT(history),
		  .help = "status/ as it was: hourly for a day, daily for a month"),
	{0},
};

const struct entry ROOT_ENTRY = {
	.name = "", .mode = S_IFDIR | 0555, .dir = root_dir, .help = "the mount"};
