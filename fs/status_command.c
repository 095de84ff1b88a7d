/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Drawing: on a terminal each state is written over the one before, line by line, and only when it is different; so
 * nothing flickers, and what was shown last stays there afterwards.  Elsewhere (a pipe, TERM=dumb) states follow each
 * other with an empty line between, and no escape sequence is written.
 */
#include "fs/status_command.h"

#include <errno.h>
#include <locale.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "fs/status_screen.h"
#include "fs/status_watch.h"
#include "fs/tree.h"

enum {
	/** As in sysexits.h. */
	EXIT_INTERNAL = 70,
	EXIT_OUTPUT = 74,
	/** With --wait: an indexer that is being started gets so long. */
	START_S = 10,
};

struct terminal {
	bool is_tty, can_move;
	unsigned rows;
	struct screen_look look;
	/** What is shown, and how many lines of the terminal it takes. */
	struct buf shown;
	unsigned lines;
};

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

/* --- what is written to --- */

static void measure(struct terminal *t)
{
	struct winsize size = {0};
	if (!t->is_tty)
		return;
	bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col;
	t->look.columns = is_known ? size.ws_col : 80;
	t->rows = is_known && size.ws_row ? size.ws_row : 24;
}

/** "always" wants colours whatever the environment says. */
static bool wants_colour(const struct terminal *t, const char *when)
{
	if (when && strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	return t->can_move && !*environment("NO_COLOR");
}

static void terminal_open(struct terminal *t, const struct status_options *o)
{
	const char *term = environment("TERM");
	setlocale(LC_CTYPE, "");
	*t = (struct terminal){.is_tty = isatty(STDOUT_FILENO) == 1, .shown = BUF_INIT(1 << 24)};
	t->can_move = t->is_tty && *term && strcmp(term, "dumb") != 0;
	t->look.has_colour = wants_colour(t, o->colour);
	/* the console's font has few of them */
	t->look.has_blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 && strcmp(term, "linux") != 0;
	measure(t);
}

static int put(const char *text, size_t n)
{
	return fwrite(text, 1, n, stdout) == n ? 0 : -EIO;
}

static void show_cursor(const struct terminal *t, bool is_shown)
{
	if (t->can_move) {
		fputs(is_shown ? "\033[?25h" : "\033[?25l", stdout);
		fflush(stdout);
	}
}

/** Lines of @text that are shown: all, or as many as leave room for saying how many are not. */
static unsigned fit(const struct terminal *t, const char *text, unsigned *hidden)
{
	unsigned lines = 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	unsigned room = t->rows > 2 ? t->rows - 1 : 1;
	*hidden = lines > room ? lines - room + 1 : 0;
	return lines - *hidden;
}

/** Over what is there. */
static void redraw(struct terminal *t, const char *text)
{
	unsigned hidden, lines = fit(t, text, &hidden);
	if (t->lines)
		printf("\r\033[%uA", t->lines);
	for (unsigned i = 0; i < lines; i++) {
		size_t n = strcspn(text, "\n");
		/* before the text: behind a line that is full it would take the last character away */
		fputs("\033[K", stdout);
		put(text, n);
		fputc('\n', stdout);
		text += n + 1;
	}
	if (hidden)
		printf("\033[K(%u more lines)\n", hidden);
	fputs("\033[J", stdout);
	t->lines = lines + (hidden > 0);
}

/** Whatever the terminal made of the lines that were there. */
static void start_over(struct terminal *t)
{
	if (t->can_move)
		fputs("\033[H\033[2J", stdout);
	t->lines = 0;
	buf_reset(&t->shown);
	measure(t);
}

static int terminal_show(struct terminal *t, const struct buf *text)
{
	bool is_first = !t->shown.len;
	if (!is_first && strcmp(buf_str(&t->shown), buf_str(text)) == 0)
		return 0;
	if (t->can_move)
		redraw(t, buf_str(text));
	else if (!is_first)
		fputc('\n', stdout);
	if (!t->can_move)
		put(buf_str(text), text->len);
	buf_reset(&t->shown);
	buf_add(&t->shown, buf_str(text), text->len);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}

/* --- one state --- */

struct look {
	struct buf text;
	enum status_verdict verdict;
	enum indexer_state indexer;
	bool is_idle, has_job;
};

/** The state now; look->text is to be cleared. */
static int look_now(const struct terminal *t, bool json, struct look *look)
{
	struct view v;
	struct screen s;
	views_refresh(true);
	view_begin(&v);
	*look = (struct look){.text = BUF_INIT((size_t)1 << 28), .indexer = v.mood.state,
			      .is_idle = status_is_idle(&v), .has_job = v.mood.live.job != 0};
	int r = 0;
	if (json) {
		r = status_json(&v, &look->text, &look->verdict);
	} else {
		screen_init(&s, t->look);
		look->verdict = status_draw(&v, &s);
		r = buf_error(&s.out);
		buf_add(&look->text, buf_str(&s.out), s.out.len);
		screen_clear(&s);
	}
	view_end(&v);
	return r;
}

static int show_once(const struct status_options *o)
{
	struct terminal t;
	struct look look;
	terminal_open(&t, o);
	int r = look_now(&t, o->json, &look);
	if (r < 0)
		fprintf(stderr, "mediamon: %s\n", strerror(-r));
	else if (put(buf_str(&look.text), look.text.len) < 0 || fflush(stdout) != 0)
		r = -EIO;
	buf_clear(&look.text);
	return r == 0 ? (int)look.verdict : r == -EIO ? EXIT_OUTPUT : EXIT_INTERNAL;
}

/* --- again and again --- */

/** The terminal is the shell's until it lets us go on (SIGCONT, which comes as any other signal). */
static void stop(const struct terminal *t)
{
	show_cursor(t, true);
	raise(SIGSTOP);
}

/** Whoever stopped us, and whatever the shell wrote meanwhile. */
static void go_on(struct terminal *t)
{
	show_cursor(t, false);
	start_over(t);
}

static void die(int number)
{
	sigset_t set;
	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/** Nothing more is to be waited for. */
static bool is_over(const struct look *look, int64_t since)
{
	if (look->indexer == INDEXER_RUNNING)
		return look->is_idle;
	return mono_ns() - since > START_S * NS_PER_S;
}

/** False when a signal (*number) ends it. */
static bool sleep_until_news(struct watch *w, struct terminal *t, enum watch_hurry hurry, int *number)
{
	watch_pause(w);
	for (;;) {
		switch (watch_sleep(w, hurry, number)) {
		case WATCH_RESIZED:
			start_over(t);
			return true;
		case WATCH_STOP:
			/* nothing is drawn before the shell says so */
			stop(t);
			continue;
		case WATCH_GOES_ON:
			go_on(t);
			return true;
		case WATCH_END:
			return false;
		default:
			return true;
		}
	}
}

static enum watch_hurry hurry_of(const struct look *look, bool is_waiting)
{
	if (is_waiting && look->indexer != INDEXER_RUNNING)
		return WATCH_LIMITED;
	return look->has_job ? WATCH_JOB : WATCH_CALM;
}

/** Of what is waited for a pipe gets the last state only. */
static int follow(struct watch *w, struct terminal *t, const struct status_options *o, int *number)
{
	int64_t since = mono_ns();
	for (;;) {
		struct look look;
		watch_arm(w);
		int r = look_now(t, false, &look);
		bool over = o->wait && is_over(&look, since);
		bool is_last_only = o->wait && !t->can_move;
		if (r == 0 && !is_last_only)
			r = terminal_show(t, &look.text);
		if (look.indexer == INDEXER_RUNNING)
			since = mono_ns();
		over = r < 0 || over || !sleep_until_news(w, t, hurry_of(&look, o->wait), number);
		if (r == 0 && over && is_last_only)
			r = terminal_show(t, &look.text);
		buf_clear(&look.text);
		if (over)
			return r < 0 ? EXIT_OUTPUT : (int)look.verdict;
	}
}

static int watch(const char *state_dir, const struct status_options *o)
{
	struct terminal t;
	/* a mount that hangs may keep a thread of it until we end */
	static struct watch w;
	int number = 0;
	terminal_open(&t, o);
	if (status_watch_open(&w, state_dir) < 0)
		return EXIT_INTERNAL;
	show_cursor(&t, false);
	int status = follow(&w, &t, o, &number);
	show_cursor(&t, true);
	status_watch_close(&w);
	buf_clear(&t.shown);
	if (number)
		die(number);
	return status;
}

/* --- the command --- */

bool status_options_given(const struct status_options *o)
{
	return o->watch || o->wait || o->json || o->colour;
}

static const char *complaint(const struct status_options *o)
{
	static const char *const whens[] = {"auto", "always", "never"};
	if (o->json && (o->watch || o->wait))
		return "--json prints one document: not with --watch or --wait";
	for (size_t i = 0; o->colour && i < COUNT_OF(whens); i++)
		if (strcmp(o->colour, whens[i]) == 0)
			return NULL;
	return o->colour ? "--color auto, always or never" : NULL;
}

int status_command(const struct config *config, const struct status_options *o)
{
	const char *wrong = complaint(o);
	if (wrong) {
		fprintf(stderr, "mediamon: %s\n", wrong);
		return STATUS_USAGE;
	}
	tree_init();
	views_open(config);
	int status = o->watch || o->wait ? watch(config_state_dir(config), o) : show_once(o);
	views_close();
	return status;
}
