/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/guess_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "indexer/extract/guess.h"

static void number(struct json *j, const char *key, bool has, double v)
{
	json_key(j, key);
	if (has)
		json_real(j, v, 3);
	else
		json_null(j);
}

static void text(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	if (*s)
		json_text(j, s, strlen(s));
	else
		json_null(j);
}

static void print_guess(const char *name, size_t n)
{
	struct guess g;
	struct json j;
	_buf_ struct buf out = BUF_INIT(1 << 20);
	guess_name(name, n, &g);
	json_init(&j, &out, 0);
	json_object(&j);
	json_kv_path(&j, "name", name, n);
	text(&j, "series", g.series);
	number(&j, "volume", g.has_volume, g.volume);
	number(&j, "volume_end", g.has_volume_end, g.volume_end);
	number(&j, "chapter", g.has_chapter, g.chapter);
	number(&j, "chapter_end", g.has_chapter_end, g.chapter_end);
	number(&j, "year", g.year != 0, g.year);
	text(&j, "language", g.language);
	json_kv_text(&j, "kind", guess_kind_name(g.kind));
	text(&j, "rule", g.rule ? g.rule : "");
	json_end_object(&j);
	buf_addc(&out, '\n');
	fwrite(buf_str(&out), 1, out.len, stdout);
}

int guess_command(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		print_guess(argv[i], strlen(argv[i]));
	if (argc)
		return 0;
	_free_ char *line = NULL;
	size_t space = 0;
	ssize_t n;
	while ((n = getline(&line, &space, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		print_guess(line, (size_t)n);
	}
	return ferror(stdout) ? 1 : 0;
}
