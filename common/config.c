/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/config.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/archives.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/text.h"
#include "common/vec.h"

const struct option_row OPTIONS_TABLE[OPTION_COUNT] = {
#define O(id, ...) {__VA_ARGS__},
	OPTIONS(O)
#undef O
};

typedef VEC(char *) texts;

struct config {
	/** Texts of every option: one for a scalar, any number for a list. */
	texts value[OPTION_COUNT];
	int64_t number[OPTION_COUNT];
	char *path;
	char *state_dir;
};

int64_t config_duration(const char *text)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {{"ms", NS_PER_MS}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
		     {"d", 86400 * NS_PER_S}, {"w", 604800 * NS_PER_S}};
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (end == text || errno || v < 0 || v > 1000000)
		return -1;
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (strcmp(end, units[i].unit) == 0)
			return v * units[i].ns;
	return -1;
}

int64_t config_size(const char *text)
{
	static const struct {
		const char *unit;
		int64_t bytes;
	} units[] = {{"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
		     {"TiB", INT64_C(1) << 40}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}};
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (end == text || errno || v < 0 || v > 1000000000)
		return -1;
	end += strspn(end, " ");
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (strcasecmp(end, units[i].unit) == 0)
			return v * units[i].bytes;
	return -1;
}

/* --- defaults --- */

static int add_value(struct config *c, int id, const char *text, size_t n)
{
	char **slot = vec_add(&c->value[id]);
	if (!slot)
		return -ENOMEM;
	*slot = strndup(text, n);
	return *slot ? 0 : -ENOMEM;
}

static void drop_values(texts *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->data[i]);
	vec_clear(list);
}

static int set_default(struct config *c, int id)
{
	const struct option_row *o = &OPTIONS_TABLE[id];
	const char *text = o->fallback;
	if (o->kind != OPTION_LIST)
		return add_value(c, id, text, strlen(text));
	while (*text) {
		size_t n = strcspn(text, "\n");
		int r = add_value(c, id, text, n);
		if (r < 0)
			return r;
		text += n + (text[n] != '\0');
	}
	return 0;
}

/** 1, 0; -1: neither. */
static int64_t truth(const char *text)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return i % 2;
	return -1;
}

/** Turns texts into numbers and checks their bounds. */
static int check_option(struct config *c, int id, struct buf *why)
{
	const struct option_row *o = &OPTIONS_TABLE[id];
	const char *text = c->value[id].len ? c->value[id].data[0] : "";
	char *end = NULL;
	if (o->kind == OPTION_INT)
		c->number[id] = strtoll(text, &end, 10);
	else if (o->kind == OPTION_BOOL)
		c->number[id] = truth(text);
	else if (o->kind == OPTION_DURATION)
		c->number[id] = config_duration(text);
	else if (o->kind == OPTION_SIZE)
		c->number[id] = config_size(text);
	else
		return o->kind == OPTION_ALERT ? config_check_alert(c, id, why) : 0;
	bool bad = (o->kind != OPTION_INT && c->number[id] < 0) || (end && (*end || end == text)) ||
		   c->number[id] < o->least || (o->most && c->number[id] > o->most);
	if (!bad)
		return 0;
	buf_addf(why, "%s: %s%s%s = \"%s\" is not possible", c->path ? c->path : "default",
		 o->section ? o->section : "", o->section ? "." : "", o->key, text);
	if (o->kind == OPTION_DURATION)
		buf_adds(why, ": write a number and s, m, h or d, such as \"24h\"");
	else if (o->kind == OPTION_SIZE)
		buf_adds(why, ": write a number and KiB, MiB or GiB, such as \"2GiB\"");
	else if (o->kind == OPTION_BOOL)
		buf_adds(why, ": use true or false");
	else if (o->most)
		buf_addf(why, ": it must be from %lld to %lld", (long long)o->least, (long long)o->most);
	buf_addc(why, '\n');
	return -EINVAL;
}

static int check_paths(const struct config *c, int id, struct buf *why)
{
	int r = 0;
	for (size_t i = 0; i < c->value[id].len; i++) {
		const char *path = c->value[id].data[i];
		if (path[0] == '/')
			continue;
		buf_addf(why, "%s: %s: \"%s\" is no absolute path\n", c->path ? c->path : "default",
			 OPTIONS_TABLE[id].key, path);
		r = -EINVAL;
	}
	return r;
}

/** A folder that is named twice, or lies in another one of the same kind, would be indexed twice. */
static int check_nesting(const struct config *c, struct buf *why)
{
	static const int kinds[] = {OPT_music, OPT_manga, OPT_links};
	int r = 0;
	for (size_t k = 0; k < COUNT_OF(kinds) * COUNT_OF(kinds); k++) {
		int a = kinds[k / COUNT_OF(kinds)], b = kinds[k % COUNT_OF(kinds)];
		for (size_t i = 0; i < c->value[a].len; i++)
			for (size_t j = 0; j < c->value[b].len; j++) {
				const char *outer = c->value[a].data[i], *inner = c->value[b].data[j];
				const char *below = path_below(outer, inner);
				bool is_equal = below && !*below && (a < b || (a == b && i < j));
				if (!is_equal && !(a == b && below && *below))
					continue;
				buf_addf(why, "%s: %s: \"%s\" %s \"%s\" of %s\n", c->path ? c->path : "default",
					 OPTIONS_TABLE[b].key, inner, is_equal ? "is" : "lies in", outer,
					 OPTIONS_TABLE[a].key);
				r = -EINVAL;
			}
	}
	return r;
}

static unsigned archive_of(const char *word)
{
	unsigned i = 0;
	while (i < ARCHIVE_KINDS && strcmp(ARCHIVE_WORDS[i], word) != 0)
		i++;
	return i;
}

unsigned config_archives(const struct config *c)
{
	unsigned set = 0;
	for (size_t i = 0; i < config_count(c, OPT_archives); i++)
		set |= 1U << archive_of(config_item(c, OPT_archives, i));
	return set & ARCHIVE_ALL;
}

/** Whether @text is one of the words in "a, b or c". */
static bool is_word_of(const char *text, const char *words)
{
	size_t n = strlen(text);
	for (const char *at = words; n && (at = strstr(at, text)); at += n)
		if ((at == words || at[-1] == ' ') && (at[n] == ',' || at[n] == ' ' || !at[n]) &&
		    strcmp(text, "or") != 0)
			return true;
	return false;
}

static int check_words(const struct config *c, struct buf *why)
{
	static const struct {
		enum option_id id;
		const char *words;
	} words[] = {
		{OPT_scan_watch, "auto, inotify, fanotify or poll"},
		{OPT_scan_priority, "background or normal"},
		{OPT_profile, "auto, server, nas or raspberry"},
		{OPT_verify_archives, "off, new or rolling"},
		{OPT_verify_audio, "off, new or rolling"},
		{OPT_sandbox, "auto, required or off"},
	};
	int r = 0;
	if (log_level_of(config_text(c, OPT_log_level)) < 0) {
		buf_addf(why, "%s: log_level = \"%s\": use error, warning, info, debug or trace\n",
			 c->path ? c->path : "default", config_text(c, OPT_log_level));
		r = -EINVAL;
	}
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!is_word_of(config_text(c, words[i].id), words[i].words)) {
			const struct option_row *o = &OPTIONS_TABLE[words[i].id];
			buf_addf(why, "%s: %s%s%s = \"%s\": use %s\n", c->path ? c->path : "default",
				 o->section ? o->section : "", o->section ? "." : "", o->key,
				 config_text(c, words[i].id), words[i].words);
			r = -EINVAL;
		}
	for (size_t i = 0; i < config_count(c, OPT_archives); i++) {
		if (archive_of(config_item(c, OPT_archives, i)) < ARCHIVE_KINDS)
			continue;
		buf_addf(why, "%s: archives: \"%s\": use zip, rar, 7z, tar, epub and pdf\n",
			 c->path ? c->path : "default", config_item(c, OPT_archives, i));
		r = -EINVAL;
	}
	for (size_t i = 0; i < config_count(c, OPT_path_map); i++) {
		if (strchr(config_item(c, OPT_path_map, i), '='))
			continue;
		buf_addf(why, "%s: path_map: \"%s\" has no '=': write \"/path/there=/path/here\"\n",
			 c->path ? c->path : "default", config_item(c, OPT_path_map, i));
		r = -EINVAL;
	}
	return r;
}

/** What a text must begin with, when there is one. */
static int check_shapes(const struct config *c, struct buf *why)
{
	static const struct {
		enum option_id id;
		const char *start, *what;
	} shapes[] = {
		{OPT_state_dir, "/", "an absolute path"},
		{OPT_ebdz_database, "/", "an absolute path"},
		{OPT_prowlarr_key, "/", "an absolute path"},
		{OPT_qbittorrent_password, "/", "an absolute path"},
		{OPT_amule_password, "/", "an absolute path"},
		{OPT_blackhole_folder, "/", "an absolute path"},
		{OPT_discord_webhook, "/", "an absolute path"},
		{OPT_webhook_url, "/", "an absolute path"},
		{OPT_hook_exec, "/", "an absolute path"},
		{OPT_prowlarr_url, "http", "an address with http:// or https://"},
		{OPT_qbittorrent_url, "http", "an address with http:// or https://"},
		{OPT_nautiljon_url, "http", "an address with http:// or https://"},
	};
	int r = 0;
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		const struct option_row *o = &OPTIONS_TABLE[shapes[i].id];
		const char *text = config_text(c, shapes[i].id);
		if (!*text || strncmp(text, shapes[i].start, strlen(shapes[i].start)) == 0)
			continue;
		buf_addf(why, "%s: %s%s%s must be %s\n", c->path ? c->path : "default", o->section ? o->section : "",
			 o->section ? "." : "", o->key, shapes[i].what);
		r = -EINVAL;
	}
	return r;
}

static int check_all(struct config *c, struct buf *why)
{
	int r = 0;
	for (int id = 0; id < OPTION_COUNT; id++) {
		int e = check_option(c, id, why);
		r = e < 0 ? e : r;
	}
	static const enum option_id paths[] = {OPT_music, OPT_manga, OPT_links};
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		int e = check_paths(c, (int)paths[i], why);
		r = e < 0 ? e : r;
	}
	int n = check_nesting(c, why);
	r = r < 0 ? r : n;
	int e = check_words(c, why);
	r = e < 0 ? e : r;
	e = config_check_alerts(c, why);
	r = e < 0 ? e : r;
	e = check_shapes(c, why);
	return e < 0 ? e : r;
}

static int find_state_dir(struct config *c)
{
	_buf_ struct buf path = BUF_INIT(4096);
	const char *configured = config_text(c, OPT_state_dir);
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (*configured)
		buf_adds(&path, configured);
	else if (geteuid() == 0)
		buf_adds(&path, "/var/lib/mediamon");
	else if (xdg && *xdg)
		buf_addf(&path, "%s/mediamon", xdg);
	else
		buf_addf(&path, "%s/.local/state/mediamon", home ? home : "");
	c->state_dir = buf_take(&path);
	return c->state_dir ? 0 : -ENOMEM;
}

/* --- libconfuse --- */

/** libconfuse reports through a callback without a user pointer. */
static _Thread_local struct buf *complaints;

/** The known key of @section nearest to @word, NULL when none is near. */
static const char *nearest_key(const char *section, const char *word)
{
	const char *best = NULL;
	unsigned distance = 1 + (unsigned)strlen(word) / 2;
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *o = &OPTIONS_TABLE[id];
		bool here = section ? o->section && strcmp(o->section, section) == 0 : !o->section;
		const char *name = here ? o->key : !section && o->section ? o->section : NULL;
		if (name && text_distance(name, word) < distance) {
			distance = text_distance(name, word);
			best = name;
		}
	}
	return best;
}

static void complain(cfg_t *cfg, const char *format, va_list args)
{
	char word[64];
	_buf_ struct buf text = BUF_INIT(4096);
	buf_addv(&text, format, args);
	const char *section = cfg && cfg->name && strcmp(cfg->name, "root") != 0 ? cfg->name : NULL;
	buf_addf(complaints, "%s:%d: ", cfg && cfg->filename ? cfg->filename : "configuration",
		 cfg ? cfg->line : 0);
	if (sscanf(buf_str(&text), "no such option '%63[^']", word) != 1) {
		buf_addf(complaints, "%s\n", buf_str(&text));
		return;
	}
	buf_addf(complaints, "unknown key \"%s\"%s%s", word, section ? " in section " : "",
		 section ? section : "");
	const char *near = nearest_key(section, word);
	if (near)
		buf_addf(complaints, "; did you mean \"%s\"?", near);
	buf_addc(complaints, '\n');
}

static cfg_opt_t confuse_option(const struct option_row *o)
{
	cfg_opt_t list = CFG_STR_LIST((char *)(uintptr_t)o->key, NULL, CFGF_NODEFAULT);
	cfg_opt_t text = CFG_STR((char *)(uintptr_t)o->key, NULL, CFGF_NODEFAULT);
	return o->kind == OPTION_LIST ? list : text;
}

enum { OPTIONS_SLOTS = OPTION_COUNT + 16 };

/** Options of one section (NULL: top level), ended by CFG_END. */
static size_t section_options(const char *section, cfg_opt_t *out)
{
	size_t n = 0;
	cfg_opt_t end = CFG_END();
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *o = &OPTIONS_TABLE[id];
		if (section ? o->section && strcmp(o->section, section) == 0 : !o->section)
			out[n++] = confuse_option(o);
	}
	out[n] = end;
	return n;
}

bool config_is_first_of_section(int id)
{
	const char *section = OPTIONS_TABLE[id].section;
	for (int i = 0; i < id; i++)
		if (OPTIONS_TABLE[i].section && strcmp(OPTIONS_TABLE[i].section, section) == 0)
			return false;
	return true;
}

static cfg_t *make_parser(void)
{
	cfg_opt_t options[OPTIONS_SLOTS], inner[OPTIONS_SLOTS];
	size_t n = section_options(NULL, options);
	for (int id = 0; id < OPTION_COUNT; id++) {
		const char *section = OPTIONS_TABLE[id].section;
		if (!section || !config_is_first_of_section(id))
			continue;
		section_options(section, inner);
		cfg_opt_t row = CFG_SEC((char *)(uintptr_t)section, NULL, CFGF_NODEFAULT);
		/* cfg_init() copies deeply, but only after this function knows all sections */
		row.subopts = malloc(sizeof inner);
		if (!row.subopts)
			return NULL;
		memcpy(row.subopts, inner, sizeof inner);
		options[n++] = row;
	}
	cfg_opt_t end = CFG_END();
	options[n] = end;
	cfg_t *cfg = cfg_init(options, CFGF_NOCASE);
	for (size_t i = 0; i < n; i++)
		if (options[i].type == CFGT_SEC)
			free(options[i].subopts);
	return cfg;
}

static int read_values(struct config *c, cfg_t *cfg)
{
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *o = &OPTIONS_TABLE[id];
		cfg_t *scope = cfg;
		if (o->section)
			scope = cfg_size(cfg, o->section) ? cfg_getsec(cfg, o->section) : NULL;
		cfg_opt_t *opt = scope ? cfg_getopt(scope, o->key) : NULL;
		if (!opt || (cfg_opt_size(opt) == 0 && o->kind != OPTION_LIST) ||
		    (o->kind == OPTION_LIST && !(opt->flags & CFGF_MODIFIED)))
			continue;
		drop_values(&c->value[id]);
		for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
			const char *text = cfg_opt_getnstr(opt, i);
			int r = add_value(c, id, text ? text : "", text ? strlen(text) : 0);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int parse_file(struct config *c, const char *path, struct buf *why)
{
	cfg_t *cfg = make_parser();
	if (!cfg)
		return -ENOMEM;
	complaints = why;
	cfg_set_error_function(cfg, complain);
	int rc = cfg_parse(cfg, path);
	int r = rc == CFG_SUCCESS ? read_values(c, cfg) : rc == CFG_FILE_ERROR ? -errno : -EINVAL;
	if (rc == CFG_FILE_ERROR)
		buf_addf(why, "%s: %s\n", path, strerror(errno));
	cfg_free(cfg);
	return r;
}

int config_default(struct config **out)
{
	struct config *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	_buf_ struct buf why = BUF_INIT(4096);
	int r = 0;
	for (int id = 0; id < OPTION_COUNT && r == 0; id++)
		r = set_default(c, id);
	if (r == 0)
		r = check_all(c, &why);
	if (r == 0)
		r = find_state_dir(c);
	if (r < 0) {
		config_free(c);
		return r;
	}
	*out = c;
	return 0;
}

int config_load(const char *path, struct config **out, struct buf *why)
{
	struct config *c = NULL;
	int r = config_default(&c);
	if (r < 0)
		return r;
	c->path = realpath(path, NULL);
	if (!c->path)
		c->path = strdup(path);
	r = parse_file(c, path, why);
	if (r == 0)
		r = check_all(c, why);
	free(take(c->state_dir));
	if (r == 0)
		r = find_state_dir(c);
	if (r < 0) {
		config_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (int id = 0; id < OPTION_COUNT; id++)
		drop_values(&c->value[id]);
	free(c->path);
	free(c->state_dir);
	free(c);
}

/* --- reading --- */

const char *config_text(const struct config *c, enum option_id id)
{
	return c->value[id].len ? c->value[id].data[0] : "";
}

int64_t config_int(const struct config *c, enum option_id id)
{
	return c->number[id];
}

size_t config_count(const struct config *c, enum option_id id)
{
	return c->value[id].len;
}

const char *config_item(const struct config *c, enum option_id id, size_t i)
{
	return c->value[id].data[i];
}

const char *config_path(const struct config *c)
{
	return c->path ? c->path : "";
}

const char *config_state_dir(const struct config *c)
{
	return c->state_dir;
}

void config_default_path(struct buf *out)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (geteuid() == 0)
		buf_adds(out, "/etc/mediamon/mediamon.conf");
	else if (xdg && *xdg)
		buf_addf(out, "%s/mediamon/mediamon.conf", xdg);
	else
		buf_addf(out, "%s/.config/mediamon/mediamon.conf", home ? home : "");
}
