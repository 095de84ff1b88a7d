/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/cleanup.h"
#include "common/ctl.h"
#include "common/orders.h"
#include "fs/tree.h"
#include "fs/views.h"

static int print_item(void *arg, const struct tree_item *item)
{
	(void)arg;
	printf("%s%s\n", item->name, S_ISDIR(item->node.entry->mode) ? "/" : "");
	return 0;
}

static int complain(const char *path, int error)
{
	fprintf(stderr, "mediamon: %s: %s\n", path, strerror(-error));
	return 1;
}

int dump_command(const struct config *config, const char *path)
{
	struct view v;
	struct node n;
	int64_t at;
	_buf_ struct buf out = BUF_INIT((size_t)1 << 30);
	tree_init();
	views_open(config);
	view_begin(&v);
	int r = tree_resolve(&v, path, &n, &at);
	if (r == 0 && S_ISDIR(n.entry->mode))
		r = tree_list(&v, &n, 0, print_item, NULL);
	else if (r == 0)
		r = tree_render(&v, &n, &out);
	if (r == 0 && S_ISLNK(n.entry->mode))
		buf_addc(&out, '\n');
	view_end(&v);
	views_close();
	if (r < 0)
		return complain(path, r);
	return fwrite(buf_str(&out), 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}

/* --- export --- */

struct export {
	unsigned of;
	struct buf line;
};

static int print_line(struct export *e)
{
	buf_addc(&e->line, '\n');
	bool ok = fwrite(e->line.data, 1, e->line.len, stdout) == e->line.len;
	buf_reset(&e->line);
	return ok ? 0 : -EPIPE;
}

static int print_media(void *arg, const struct store_media *m)
{
	struct export *e = arg;
	struct json j;
	json_init(&j, &e->line, 0);
	export_json(&j, m, e->of);
	return print_line(e);
}

static int print_error(void *arg, const struct store_error_row *row)
{
	struct export *e = arg;
	struct json j;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	buf_add(&path, row->root.data, row->root.len);
	if (row->path.len)
		buf_addc(&path, '/');
	buf_add(&path, row->path.data, row->path.len);
	json_init(&j, &e->line, 0);
	json_object(&j);
	json_kv_path(&j, "path", buf_str(&path), path.len);
	json_kv_text(&j, "kind", row->kind);
	json_kv_text(&j, "reason", row->reason);
	json_kv_time(&j, "since", row->since);
	json_kv_int(&j, "tries", row->tries);
	json_end_object(&j);
	return print_line(e);
}

static int export_tracks(struct store *s, struct export *e)
{
	e->of = OF_TRACK;
	return store_export_tracks(s, print_media, e);
}

static int export_volumes(struct store *s, struct export *e)
{
	e->of = OF_VOLUME;
	return store_export_volumes(s, print_media, e);
}

static int export_errors(struct store *s, struct export *e)
{
	return store_errors(s, print_error, e);
}

/** Links are indexed by a later version: there are none to print. */
static int export_nothing(struct store *s, struct export *e)
{
	(void)s;
	(void)e;
	return 0;
}

int export_command(const struct config *config, const char *what)
{
	static const struct {
		const char *what;
		int (*run)(struct store *s, struct export *e);
	} kinds[] = {
		{"tracks", export_tracks},
		{"volumes", export_volumes},
		{"errors", export_errors},
		{"links", export_nothing},
	};
	struct store *s = NULL;
	struct export e = {.line = BUF_INIT(1 << 22)};
	size_t k = 0;
	while (k < COUNT_OF(kinds) && strcmp(kinds[k].what, what) != 0)
		k++;
	if (k == COUNT_OF(kinds)) {
		fprintf(stderr, "mediamon: export tracks, volumes, links or errors\n");
		return 2;
	}
	int r = store_open_reader(config_state_dir(config), &s);
	if (r == 0)
		r = kinds[k].run(s, &e);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	store_close(s);
	buf_clear(&e.line);
	return r == 0 ? 0 : complain(config_state_dir(config), r);
}

/* --- order --- */

int order_command(const struct config *config, const char *file, int argc, char **argv)
{
	enum { TIMEOUT_MS = 10000 };
	char token[CTL_TOKEN];
	int verdict = 0;
	_buf_ struct buf text = BUF_INIT(1 << 20), answer = BUF_INIT(1 << 16), shown = BUF_INIT(1 << 17);
	for (int i = 0; i < argc; i++)
		buf_addf(&text, "%s%s", i ? " " : "", argv[i]);
	if (order_find(file, strlen(file)) == ORDER_COUNT) {
		fprintf(stderr, "mediamon: there is no order \"%s\"; the orders are:", file);
		for (int i = 0; i < ORDER_COUNT; i++)
			fprintf(stderr, " %s", ORDERS_TABLE[i].name);
		fputc('\n', stderr);
		return 2;
	}
	ctl_token(token);
	int r = ctl_order(config_state_dir(config), token, file, buf_str(&text), text.len, TIMEOUT_MS,
			  &verdict, &answer);
	if (r < 0) {
		fprintf(stderr, "mediamon: no indexer answers in %s: the order was not taken\n",
			config_state_dir(config));
		return 75;
	}
	text_escape(buf_str(&answer), answer.len, &shown);
	fprintf(verdict ? stderr : stdout, "%s%s%s%s\n", verdict ? "mediamon: " : "",
		verdict ? strerrorname_np(verdict) : "", verdict ? ": " : "", buf_str(&shown));
	return verdict ? 1 : 0;
}
