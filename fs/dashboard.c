/* SPDX-License-Identifier: GPL-3.0-or-later */
/** dashboard.html: the page as a whole.  One file, no script needed, nothing fetched. */
#include "fs/dashboard.h"

#include "common/cleanup.h"
#include "common/render.h"
#include "fs/html.h"
#include "fs/sha256.h"
#include "fs/summary.h"
#include "fs/views.h"

static const char css[] =
#include "fs/dashboard.css.inc"
	;

static const char js[] =
#include "fs/dashboard.js.inc"
	;

enum {
	/** The whole page at most: so that any browser shows it at once, whatever is in the library. */
	PAGE_BYTES = 1000 * 1000,
	/** Of it what stands around sections: the head, the menu, the headings, the numbers, the foot. */
	FRAME_BYTES = 24 << 10,
	/** Plots may take what the sections above them leave, and are links at least. */
	PLOTS_LEAST = 8 << 10,
	/** Sentences of one list, and bytes of both lists at most: each is cut. */
	SENTENCES_MOST = 60,
	FILE_CHARS = 32,
	VERDICT_BYTES = 2 * SENTENCES_MOST * (HTML_WRITTEN_MAX + 400) + (2 << 10),
	PAGE_MAX = 8 << 20,
	LINE_MAX_ = 1 << 16,
};

static const struct section {
	const char *id, *file, *title;
	bool is_wide;
	int (*show)(struct page *p);
} sections[] = {
#define S(id, file, wide, title) {#id, file, title, wide, page_##id},
	SECTIONS(S)
#undef S
};

enum {
#define S(id, ...) SECTION_##id,
	SECTIONS(S)
#undef S
	SECTION_COUNT
};

/** A section that was written. */
struct shown {
	struct buf body;
	int64_t count;
	page_pictures pictures;
};

struct sheet {
	struct view *v;
	struct buf *out;
	struct summary summary;
	struct shown shown[SECTION_COUNT];
	/** The verdict. */
	struct buf top;
	/** Bytes of the page that are not written yet. */
	size_t left;
};

static void clear_sheet(struct sheet *s)
{
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		buf_clear(&s->shown[i].body);
		vec_clear(&s->shown[i].pictures);
	}
	buf_clear(&s->top);
}

#define _sheet_ __attribute__((cleanup(clear_sheet)))

/* --- what sections share --- */

void page_command(struct page *p, const char *file, const char *words)
{
	_buf_ struct buf line = BUF_INIT(LINE_MAX_), path = BUF_INIT(LINE_MAX_);
	if (p->v->mount) {
		buf_adds(&line, "echo ");
		shell_word(words, strlen(words), &line);
		buf_adds(&line, " > ");
		buf_addf(&path, "%s/control/%s", p->v->mount, file);
	} else {
		buf_addf(&line, "mediamon order %s ", file);
		shell_word(words, strlen(words), &line);
		buf_adds(&line, " --config ");
		buf_adds(&path, config_path(p->v->config));
	}
	shell_word(buf_str(&path), path.len, &line);
	html_command(buf_str(&line), p->out);
}

static void file_link(struct buf *out, const char *file)
{
	buf_addf(out, "<a href=\"status/%s\">status/%s</a>", file, file);
}

void page_rest(struct page *p, int64_t n, const char *what, const char *file)
{
	if (n <= 0)
		return;
	buf_adds(p->out, "<p class=\"rest\">And ");
	html_number(n, p->out);
	buf_addf(p->out, " more %s: all are in ", what);
	file_link(p->out, file);
	buf_addf(p->out, " and <a href=\"status/%s.json\">status/%s.json</a>.</p>\n", file, file);
}

/* --- above the sections --- */

/** What the page's policy lets the browser use: the text between two tags. */
static void allow(const char *text, size_t n, struct buf *out)
{
	uint8_t digest[SHA256_BYTES];
	sha256(text, n, digest);
	buf_adds(out, " 'sha256-");
	text_base64((const char *)digest, sizeof digest, out);
	buf_addc(out, '\'');
}

/** The style that every plot brings; they are the same bytes. */
static void allow_plots(const struct sheet *s, struct buf *out)
{
	static const char open[] = "<style>", close[] = "</style>";
	const struct buf *body = &s->shown[SECTION_plots].body;
	const char *from = body->len ? strstr(body->data, open) : NULL;
	const char *to = from ? strstr(from, close) : NULL;
	if (to)
		allow(from + sizeof open - 1, (size_t)(to - from) - (sizeof open - 1), out);
}

static void head(struct sheet *s)
{
	buf_adds(s->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src");
	allow(css, sizeof css - 1, s->out);
	allow_plots(s, s->out);
	buf_adds(s->out, "; script-src");
	allow(js, sizeof js - 1, s->out);
	buf_adds(s->out, "; img-src data:; base-uri 'none'; form-action 'none'\">\n"
			 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
			 "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
			 "<link rel=\"icon\" href=\"data:,\">\n<title>mediamon</title>\n<style>");
	buf_adds(s->out, css);
	buf_adds(s->out, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n");
}

static void banner(struct sheet *s)
{
	int64_t at = view_at(s->v, OF_EVERYTHING, MOODY);
	buf_adds(s->out, "<header class=\"banner\">\n<h1>mediamon</h1>\n<p class=\"asof\">");
	if (s->v->mood.state == INDEXER_RUNNING) {
		buf_adds(s->out, "As of <span id=\"made\">");
		html_time(at, s->out);
		buf_adds(s->out, "</span>");
	} else {
		buf_addf(s->out, "The indexer is %s. What is known is of ", indexer_state_name(s->v->mood.state));
		html_time((int64_t)s->v->mood.live.heartbeat_at, s->out);
	}
	buf_adds(s->out, "<span id=\"age\"></span> <a class=\"reload\" href=\"\">Reload</a></p>\n"
			 "<p id=\"stale\" role=\"status\" hidden></p>\n</header>\n");
}

static void menu(struct sheet *s)
{
	buf_adds(s->out, "<nav aria-label=\"Sections\"><ul>\n<li><a href=\"#now\">Now</a></li>\n");
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		const struct shown *x = &s->shown[i];
		if (!x->body.len)
			continue;
		buf_addf(s->out, "<li><a href=\"#%s\">%s", sections[i].id, sections[i].title);
		if (x->count > 0) {
			buf_adds(s->out, " <span class=\"count\">");
			html_number(x->count, s->out);
			buf_adds(s->out, "</span>");
		}
		buf_adds(s->out, "</a></li>\n");
	}
	buf_adds(s->out, "</ul></nav>\n");
}

/** The section of a file of status/ that is on the page; NULL. */
static const struct section *section_of(const struct sheet *s, const char *file, size_t n)
{
	for (size_t i = 0; i < SECTION_COUNT; i++)
		if (s->shown[i].body.len && n && strlen(sections[i].file) == n && memcmp(sections[i].file, file, n) == 0)
			return &sections[i];
	return NULL;
}

/** How many bytes the file is that a sentence ends with, " (status/errors)"; 0.  What is foreign in it stands before that. */
static size_t file_of(const char *line, size_t n, const char **file)
{
	static const char mark[] = " (status/";
	const char *open = n && line[n - 1] == ')' ? memrchr(line, '(', n) : NULL;
	if (!open || open == line || (size_t)(line + n - open) < sizeof mark || memcmp(open - 1, mark, sizeof mark - 1) != 0)
		return 0;
	*file = open - 1 + sizeof mark - 1;
	size_t len = (size_t)(line + n - 1 - *file);
	return len <= FILE_CHARS ? len : 0;
}

/** One sentence; the file that it ends with becomes a link. */
static void sentence(struct sheet *s, const char *line, size_t n)
{
	const char *file = line;
	size_t len = file_of(line, n, &file);
	const struct section *section = section_of(s, file, len);
	buf_adds(s->out, "<li>");
	html_foreign(line, len ? n - len - strlen(" (status/)") : n, s->out);
	if (section) {
		buf_addf(s->out, " <a href=\"#%s\">See below</a>", section->id);
	} else if (len) {
		buf_adds(s->out, " <a href=\"status/");
		html_address(file, len, s->out);
		buf_adds(s->out, "\">status/");
		html_text(file, len, s->out);
		buf_adds(s->out, "</a>");
	}
	buf_adds(s->out, "</li>\n");
}

static void sentences(struct sheet *s, const char *title, const char *lines)
{
	int64_t count = 0;
	if (!*lines)
		return;
	buf_addf(s->out, "<h3>%s</h3>\n<ul class=\"sentences\">\n", title);
	for (const char *line = lines; *line;) {
		size_t n = strcspn(line, "\n");
		if (count++ < SENTENCES_MOST)
			sentence(s, line, n);
		line += n + (line[n] == '\n');
	}
	buf_adds(s->out, "</ul>\n");
	page_rest(&(struct page){.v = s->v, .out = s->out}, count - SENTENCES_MOST, "sentences", "summary");
}

/** Whether nothing is wrong but that the indexer is not ready yet, with an index or before the first one. */
static bool is_starting(const struct view *v, const char *wrong)
{
	size_t lines = 0;
	for (; *wrong; wrong++)
		lines += *wrong == '\n';
	return v->mood.state == INDEXER_STARTING && lines == (v->store || v->error ? 1 : 2);
}

/** Is all well, and what needs a human. */
static void verdict(struct sheet *s)
{
	_buf_ struct buf wrong = BUF_INIT(1 << 20), all = BUF_INIT(1 << 20);
	const char *word = summary_health(s->v, &wrong);
	/* it begins with those that are wrong */
	summary_attention(s->v, &s->summary, &all);
	bool is_failed = *word == 'f', is_ok = *word == 'o', is_new = is_starting(s->v, buf_str(&wrong));
	buf_addf(s->out, "<section id=\"now\" class=\"verdict %s\" aria-labelledby=\"h-now\">\n<h2 id=\"h-now\">",
		 is_failed ? "bad" : is_ok ? "good" : is_new ? "calm" : "warn");
	buf_adds(s->out, is_failed ? "Nothing is updated" : is_ok ? "All is well" : is_new ? "Starting" : "Something is wrong");
	buf_adds(s->out, "</h2>\n");
	if (!all.len)
		buf_adds(s->out, "<p>Nothing needs you.</p>\n");
	sentences(s, is_new ? "What happens" : "What is wrong", buf_str(&wrong));
	sentences(s, "What waits for you", buf_str(&all) + wrong.len);
	buf_adds(s->out, "</section>\n");
}

static void figure(struct sheet *s, const char *name, int64_t n, const char *more)
{
	buf_addf(s->out, "<div><dt>%s</dt><dd><span class=\"big\">", name);
	html_number(n, s->out);
	buf_addf(s->out, "</span><span class=\"more\">%s</span></dd></div>\n", more);
}

static void figures(struct sheet *s)
{
	const struct store_counts *c = &s->summary.c;
	const struct store_symlink_counts *links = &s->summary.links;
	_buf_ struct buf music = BUF_INIT(256), manga = BUF_INIT(256), linked = BUF_INIT(256);
	html_number(c->albums, &music);
	buf_adds(&music, " albums, ");
	human_bytes((uint64_t)c->music_bytes, &music);
	buf_adds(&music, ", ");
	human_duration(c->music_seconds, &music);
	buf_adds(&manga, "of ");
	html_number(c->series, &manga);
	buf_adds(&manga, " series, ");
	human_bytes((uint64_t)c->manga_bytes, &manga);
	buf_adds(s->out, "<section class=\"figures\" aria-label=\"The library in numbers\"><dl>\n");
	figure(s, "Tracks", c->tracks, buf_str(&music));
	figure(s, "Volumes", c->volumes, buf_str(&manga));
	if (c->chapters)
		figure(s, "Chapters", c->chapters, "in files of their own");
	figure(s, "Missing", c->missing, c->missing ? "volumes" : "nothing");
	if (links->total) {
		html_number(links->state[LINK_BROKEN], &linked);
		buf_adds(&linked, " broken");
		figure(s, "Links", links->total, buf_str(&linked));
	}
	buf_adds(s->out, "</dl></section>\n");
}

/* --- the sections --- */

/** What is too much for the page is in its file all the same. */
static void only_link(struct page *p, const char *file)
{
	buf_reset(p->out);
	buf_adds(p->out, "<p class=\"rest\">This is too much for one page");
	if (*file) {
		buf_adds(p->out, ": it is in ");
		file_link(p->out, file);
	}
	buf_adds(p->out, ".</p>\n");
}

static int write_section(struct sheet *s, size_t i)
{
	struct shown *x = &s->shown[i];
	x->body = BUF_INIT(PAGE_MAX);
	struct page p = {.v = s->v, .out = &x->body, .count = -1, .room = s->left};
	int r = sections[i].show(&p);
	x->count = p.count;
	x->pictures = p.pictures;
	if (r == 0 && x->body.len > s->left) {
		only_link(&p, sections[i].file);
		x->pictures.len = 0;
	}
	s->left -= x->body.len < s->left ? x->body.len : s->left;
	return r < 0 ? r : 0;
}

/** Pictures in what all else has left of the page. */
static int write_covers(struct sheet *s)
{
	int r = 0;
	for (size_t i = 0; i < SECTION_COUNT && r == 0; i++) {
		struct shown *x = &s->shown[i];
		struct page p = {.v = s->v, .out = &x->body, .room = s->left, .pictures = x->pictures};
		if (x->pictures.len)
			r = page_covers(&p);
	}
	return r;
}

/** Writes all that may be large, what has most to tell first. */
static int write_sections(struct sheet *s)
{
	_Static_assert(SECTION_plots == SECTION_COUNT - 1, "plots take what is left");
	struct buf *out = s->out;
	int r = 0;
	s->top = BUF_INIT(PAGE_MAX);
	s->left = PAGE_BYTES - FRAME_BYTES - sizeof css - sizeof js - PLOTS_LEAST - VERDICT_BYTES;
	for (size_t i = 0; i < SECTION_plots && r == 0; i++)
		r = write_section(s, i);
	if (r < 0)
		return r;
	/* it leads to sections that are there */
	s->out = &s->top;
	verdict(s);
	s->out = out;
	s->left += PLOTS_LEAST + VERDICT_BYTES - s->top.len;
	r = write_section(s, SECTION_plots);
	return r < 0 ? r : write_covers(s);
}

/** The next section that was written, behind @i; SECTION_COUNT. */
static size_t next_shown(const struct sheet *s, size_t i)
{
	do
		i++;
	while (i < SECTION_COUNT && !s->shown[i].body.len);
	return i;
}

static void put_sections(struct sheet *s)
{
	bool is_second = false;
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		const struct shown *x = &s->shown[i];
		const char *id = sections[i].id;
		if (!x->body.len)
			continue;
		/* one that has none beside it takes the whole width */
		size_t next = next_shown(s, i);
		bool is_first = !is_second && !sections[i].is_wide && next < SECTION_COUNT && !sections[next].is_wide;
		bool is_wide = !is_first && !is_second;
		is_second = is_first;
		buf_addf(s->out, "<section id=\"%s\" class=\"card%s\" aria-labelledby=\"h-%s\">\n<h2 id=\"h-%s\">%s", id,
			 is_wide ? " wide" : "", id, id, sections[i].title);
		if (x->count > 0) {
			buf_adds(s->out, " <span class=\"count\">");
			html_number(x->count, s->out);
			buf_adds(s->out, "</span>");
		}
		buf_adds(s->out, "</h2>\n");
		buf_add(s->out, x->body.data, x->body.len);
		buf_adds(s->out, "</section>\n");
	}
}

/** What has nothing to tell, in one line. */
static void put_quiet(struct sheet *s)
{
	const char *separator = "<p class=\"quiet\">Nothing to tell of: ";
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		if (s->shown[i].body.len)
			continue;
		buf_addf(s->out, "%s%s", separator, sections[i].title);
		separator = " · ";
	}
	if (*separator == ' ')
		buf_adds(s->out, ".</p>\n");
}

static void foot(struct sheet *s)
{
	buf_adds(s->out, "<footer>\n<p>All of this is also in files: <a href=\"README.txt\">README.txt</a>, "
			 "<a href=\"status/summary\">status/summary</a>, <a href=\"status/health\">status/health</a>, "
			 "<a href=\"metrics/\">metrics</a>, <a href=\"events.jsonl\">events.jsonl</a>, "
			 "<a href=\"history/\">history</a>.</p>\n"
			 "<p class=\"noscript\">Times are in UTC. The page shows one moment: load it again (F5) for the next.</p>\n"
			 "<p>mediamon " MEDIAMON_VERSION "</p>\n</footer>\n"
			 "<p id=\"said\" class=\"unseen\" role=\"status\"></p>\n<script>");
	buf_adds(s->out, js);
	buf_adds(s->out, "</script>\n</body>\n</html>\n");
}

int show_dashboard(struct view *v, const struct node *n, struct buf *out)
{
	_sheet_ struct sheet s = {.v = v, .out = out};
	(void)n;
	summary_read(v, &s.summary);
	int r = write_sections(&s);
	if (r < 0)
		return r;
	head(&s);
	banner(&s);
	menu(&s);
	buf_adds(out, "<main id=\"main\" tabindex=\"-1\">\n");
	buf_add(out, s.top.data, s.top.len);
	figures(&s);
	buf_adds(out, "<div class=\"cards\">\n");
	put_sections(&s);
	buf_adds(out, "</div>\n");
	put_quiet(&s);
	buf_adds(out, "</main>\n");
	foot(&s);
	return 0;
}
