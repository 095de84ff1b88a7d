/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Notices reach people once a run, whatever the other side does, and nobody waits for them. */
#include "tests/unit/notify_world.h"

#include <fcntl.h>

#include "common/log.h"
#include "indexer/net/json.h"

static struct js *parse(const char *text)
{
	char why[WHY];
	struct js *v = NULL;
	if (js_parse(text, strlen(text), &v, why) < 0)
		fail_msg("%s: %s", why, text);
	return v;
}

static void without_configuration_there_is_nothing(void **state)
{
	struct world w;
	uint64_t sent, failed, waiting;
	(void)state;
	world_begin(&w, 0, NULL);
	assert_null(w.notify);
	put(&w, "found", "Berserk", "Volume 42 is found");
	notify_flush(w.notify);
	notify_counts(w.notify, &sent, &failed, &waiting);
	assert_int_equal(sent + failed + waiting, 0);
	world_end(&w);
}

static void one_run_is_one_message(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, DISCORD | WEBHOOK, NULL);
	put(&w, "found", "Berserk", "Volume 42 is found");
	put(&w, "failed", "Bleach", "Volume 3 could not be sent");
	put(&w, "found", NULL, "Nothing else");
	pause_ms(50);
	assert_int_equal(server_asked(&w.discord), 0);
	notify_flush(w.notify);
	wait_counts(&w, 2, 0, 0);
	wait_asked(&w.discord, 1);
	wait_asked(&w.webhook, 1);
	_free_ char *body = server_body(&w.webhook, 0);
	struct js *v = parse(body);
	const struct js *all = js_get(v, "notices");
	assert_string_equal(js_text(v, "app"), "mediamon");
	assert_string_equal(js_text(v, "time"), "2023-11-14T22:13:20Z");
	assert_int_equal(js_count(all), 3);
	assert_string_equal(js_text(js_at(all, 1), "kind"), "failed");
	assert_string_equal(js_text(js_at(all, 1), "series"), "Bleach");
	assert_string_equal(js_text(js_at(all, 1), "text"), "Volume 3 could not be sent");
	assert_string_equal(js_text(js_at(all, 1), "time"), "2023-11-14T22:13:20Z");
	js_free(v);
	_free_ char *embeds = server_body(&w.discord, 0);
	v = parse(embeds);
	assert_string_equal(js_text(v, "content"), "mediamon: found 2, failed 1");
	assert_int_equal(js_count(js_get(v, "embeds")), 2);
	assert_string_equal(js_text(js_at(js_get(v, "embeds"), 0), "title"), "found (2)");
	assert_string_equal(js_text(js_at(js_get(v, "embeds"), 0), "description"),
			    "• **Berserk** Volume 42 is found\n• Nothing else\n");
	js_free(v);
	world_end(&w);
}

static void silence_ends_a_run_too(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, WEBHOOK, NULL);
	put(&w, "found", "Berserk", "one");
	world_time += 30 * NS_PER_S;
	put(&w, "found", "Berserk", "two");
	world_time += 59 * NS_PER_S;
	pause_ms(100);
	assert_int_equal(server_asked(&w.webhook), 0);
	world_time += 2 * NS_PER_S;
	wait_asked(&w.webhook, 1);
	world_end(&w);
}

static void without_silence_they_do_not_wait_for_ever(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, WEBHOOK, NULL);
	for (int s = 0; s < 580; s += 50) {
		put(&w, "found", "Berserk", "again");
		world_time += 50 * NS_PER_S;
	}
	pause_ms(100);
	wait_asked(&w.webhook, 1);
	world_end(&w);
}

/** UTF-16 units, as the strictest reading of Discord's limits counts. */
static size_t units(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((uint8_t)*s & 0xc0) == 0x80 ? 0 : (uint8_t)*s >= 0xf0 ? 2 : 1;
	return n;
}

static void check_limits(const char *body)
{
	size_t sum = 0;
	struct js *v = parse(body);
	const struct js *embeds = js_get(v, "embeds");
	for (const char *p = body; *p; p++)
		assert_true((uint8_t)*p >= 0x20);
	assert_in_range(units(js_text(v, "content")), 1, 2000);
	assert_in_range(js_count(embeds), 1, 10);
	for (size_t i = 0; i < js_count(embeds); i++) {
		const char *title = js_text(js_at(embeds, i), "title");
		const char *text = js_text(js_at(embeds, i), "description");
		assert_in_range(units(title), 1, 256);
		assert_in_range(units(text), 1, 4096);
		assert_null(js_get(js_at(embeds, i), "fields"));
		sum += units(title) + units(text);
		for (const char *p = text; *p; p++)
			assert_true((uint8_t)*p >= 0x20 || *p == '\n');
	}
	assert_in_range(sum, 1, 6000);
	const struct js *parse_list = js_get(js_get(v, "allowed_mentions"), "parse");
	assert_true(js_is_array(parse_list));
	assert_int_equal(js_count(parse_list), 0);
	js_free(v);
}

/** What Discord gets of one notice. */
static char *discord_gets(const char *series, const char *text)
{
	struct world w;
	world_begin(&w, DISCORD, NULL);
	put(&w, "found", series, text);
	notify_flush(w.notify);
	wait_asked(&w.discord, 1);
	char *body = server_body(&w.discord, 0);
	world_end(&w);
	check_limits(body);
	return body;
}

static void names_are_only_names(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{"@everyone <@1> <#2>", "• **\\@everyone \\<\\@1\\> \\<\\#2\\>** x\n"},
		{"```rm -rf```", "• **\\`\\`\\`rm -rf\\`\\`\\`** x\n"},
		{"**a** __b__ ~~c~~ ||d||",
		 "• **\\*\\*a\\*\\* \\_\\_b\\_\\_ \\~\\~c\\~\\~ \\|\\|d\\|\\|** x\n"},
		{"[click](https://evil.example)",
		 "• **\\[click\\]\\(https\\://evil.example\\)** x\n"},
		{"a\nb\x1b[31m\r\x7f", "• **a\\\\x0ab\\\\x1b\\[31m\\\\x0d\\\\x7f** x\n"},
		{"end\\", "• **end\\\\** x\n"},
		{"\xe2\x80\xaegpj.exe", "• **\\\\xe2\\\\x80\\\\xaegpj.exe** x\n"},
		{"a\xff\xfe"
		 "b",
		 "• **a\xef\xbf\xbd\xef\xbf\xbd"
		 "b** x\n"},
		{"\xe3\x83\xaf\xe3\x83\xb3\xe3\x83\x94\xe3\x83\xbc\xe3\x82\xb9",
		 "• **\xe3\x83\xaf\xe3\x83\xb3\xe3\x83\x94\xe3\x83\xbc\xe3\x82\xb9** x\n"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		_free_ char *body = discord_gets(rows[i].name, "x");
		struct js *v = parse(body);
		assert_string_equal(js_text(js_at(js_get(v, "embeds"), 0), "description"),
				    rows[i].want);
		js_free(v);
	}
}

static void texts_of_any_length_are_cut_at_characters(void **state)
{
	static const char *const pieces[] = {
		"*", "\xf0\x9f\x98\x80", "\xe3\x83\xaf", "\x80", "\x01", "`\n"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		_buf_ struct buf text = BUF_INIT(1 << 20);
		while (text.len < 100000)
			buf_adds(&text, pieces[i]);
		_free_ char *body = discord_gets(buf_str(&text), buf_str(&text));
	}
}

static void ten_thousand_notices_are_one_message(void **state)
{
	struct world w;
	char text[128];
	(void)state;
	world_begin(&w, DISCORD | WEBHOOK, NULL);
	int64_t start = mono_ns();
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, "Volume %d of many is *found*", i);
		put(&w, i % 10 ? "found" : "failed", "Berserk", text);
	}
	assert_true(mono_ns() - start < 5 * NS_PER_S);
	wait_counts(&w, 0, 0, 20000);
	notify_flush(w.notify);
	wait_counts(&w, 2, 0, 0);
	wait_asked(&w.discord, 1);
	wait_asked(&w.webhook, 1);
	_free_ char *body = server_body(&w.discord, 0);
	check_limits(body);
	struct js *v = parse(body);
	const struct js *embeds = js_get(v, "embeds");
	assert_string_equal(js_text(v, "content"), "mediamon: failed 1000, found 9000");
	/* the newest are kept, and those without room are counted */
	const char *found = js_text(js_at(embeds, 1), "description");
	assert_non_null(strstr(found, "Volume 9"));
	assert_null(strstr(found, "Volume 11 "));
	assert_string_equal(found + strlen(found) - 5, " more");
	js_free(v);
	_free_ char *all = server_body(&w.webhook, 0);
	v = parse(all);
	const struct js *list = js_get(v, "notices");
	assert_int_equal(js_count(list), 1000 + 2);
	int64_t more = 0;
	for (size_t i = 0; i < js_count(list); i++)
		more += js_int(js_at(list, i), "more", 0);
	assert_int_equal(more, 9000);
	js_free(v);
	world_end(&w);
}

static void any_number_of_kinds_fits(void **state)
{
	struct world w;
	char kind[80];
	(void)state;
	world_begin(&w, DISCORD, NULL);
	for (int i = 0; i < 3000; i++) {
		snprintf(kind, sizeof kind, "k%d *************************************", i % 100);
		put(&w, kind, "*Berserk*",
		    "*******************************************************");
	}
	notify_flush(w.notify);
	wait_asked(&w.discord, 1);
	_free_ char *body = server_body(&w.discord, 0);
	check_limits(body);
	struct js *v = parse(body);
	assert_int_equal(js_count(js_get(v, "embeds")), 10);
	assert_non_null(strstr(js_text(js_at(js_get(v, "embeds"), 9), "title"), "other"));
	js_free(v);
	world_end(&w);
}

static void too_many_is_obeyed(void **state)
{
	static const struct answer rows[][2] = {
		{{429, 0, "Content-Type: application/json\r\n",
		  "{\"message\": \"x\", \"retry_after\": 90.5}"},
		 {.status = 204}},
		{{429, 0, "Retry-After: 90\r\nContent-Type: application/json\r\n",
		  "{\"retry_after\": 90.1}"},
		 {.status = 204}},
		{{429, 0, "Retry-After: 90\r\nContent-Type: text/html\r\n", "<html>"},
		 {.status = 204}},
		{{429, 0, "Retry-After: 90\r\n", "{\"retry_after\": \"x\""}, {.status = 204}},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world w;
		world_begin(&w, DISCORD, NULL);
		server_says(&w.discord, rows[i], 2);
		put(&w, "found", "Berserk", "first");
		notify_flush(w.notify);
		wait_asked(&w.discord, 1);
		wait_counts(&w, 0, 0, 1);
		put(&w, "found", "Berserk", "second");
		world_move(&w, 80);
		int64_t busy = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		pause_ms(200);
		/* it sleeps meanwhile */
		assert_true(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - busy < 120 * NS_PER_MS);
		assert_int_equal(server_asked(&w.discord), 1);
		world_move(&w, 20);
		wait_asked(&w.discord, 2);
		wait_counts(&w, 1, 0, 0);
		_free_ char *body = server_body(&w.discord, 1);
		assert_non_null(strstr(body, "first"));
		assert_non_null(strstr(body, "second"));
		world_end(&w);
	}
}

static void a_webhook_that_is_gone_is_left_alone(void **state)
{
	static const int statuses[] = {404, 401};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		struct world w;
		world_begin(&w, DISCORD | WEBHOOK, NULL);
		server_says(&w.discord, &(struct answer){.status = statuses[i]}, 1);
		put(&w, "found", "Berserk", "first");
		notify_flush(w.notify);
		wait_counts(&w, 1, 1, 0);
		put(&w, "found", "Berserk", "second");
		world_move(&w, 7200);
		wait_counts(&w, 2, 1, 0);
		pause_ms(50);
		assert_int_equal(server_asked(&w.discord), 1);
		assert_int_equal(server_asked(&w.webhook), 2);
		world_end(&w);
	}
}

static void what_fails_is_tried_again(void **state)
{
	static const struct answer rows[][2] = {
		{{500, 0, NULL, "x"}, {.status = 204}},
		{{302, 0, "Location: http://127.0.0.1:1/\r\n", "x"}, {.status = 204}},
		{{200, 0, "Content-Type: text/html\r\n", "<html>Please log in</html>"},
		 {.status = 204}},
		{{403, 0, "Content-Type: text/html\r\n", "<html>"},
		 {200, 0, "Content-Type: application/json\r\n", "{}"}},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world w;
		world_begin(&w, DISCORD | WEBHOOK, NULL);
		server_says(&w.discord, rows[i], 2);
		put(&w, "found", "Berserk", "first");
		notify_flush(w.notify);
		wait_counts(&w, 1, 1, 1);
		/* by the other way */
		assert_true(notify_is_told(w.notify));
		world_move(&w, 1);
		pause_ms(50);
		assert_int_equal(server_asked(&w.discord), 1);
		world_move(&w, 20);
		wait_counts(&w, 2, 1, 0);
		world_end(&w);
	}
}

static void a_message_that_is_refused_is_dropped(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, WEBHOOK, NULL);
	server_says(&w.webhook, (struct answer[]){{.status = 400}, {.status = 200}}, 2);
	put(&w, "found", "Berserk", "first");
	notify_flush(w.notify);
	wait_counts(&w, 0, 1, 0);
	put(&w, "found", "Berserk", "second");
	notify_flush(w.notify);
	wait_counts(&w, 1, 1, 0);
	world_end(&w);
}

static void after_a_day_they_are_dropped(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, WEBHOOK, NULL);
	server_says(&w.webhook, &(struct answer){.status = 500}, 1);
	put(&w, "found", "Berserk", "old");
	notify_flush(w.notify);
	wait_counts(&w, 0, 1, 1);
	assert_false(notify_is_told(w.notify));
	server_says(&w.webhook, &(struct answer){.status = 204}, 1);
	world_time += 23 * 3600 * NS_PER_S;
	put(&w, "found", "Berserk", "new");
	world_time += 2 * 3600 * NS_PER_S;
	notify_flush(w.notify);
	wait_counts(&w, 1, 1, 0);
	assert_true(notify_is_told(w.notify));
	_free_ char *body = server_body(&w.webhook, 1);
	assert_null(strstr(body, "old"));
	assert_non_null(strstr(body, "new"));
	world_end(&w);
}

static void one_that_hangs_holds_up_nobody(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, DISCORD | WEBHOOK, NULL);
	server_says(&w.discord, &(struct answer){.status = 204, .delay_ms = 14000}, 1);
	put(&w, "found", "Berserk", "first");
	notify_flush(w.notify);
	wait_asked(&w.discord, 1);
	int64_t start = mono_ns();
	for (int i = 0; i < 3000; i++)
		put(&w, "found", "Berserk", "more");
	assert_true(mono_ns() - start < 2 * NS_PER_S);
	notify_flush(w.notify);
	wait_asked(&w.webhook, 2);
	start = mono_ns();
	world_stop(&w);
	assert_true(mono_ns() - start < 4 * NS_PER_S);
	world_end(&w);
}

static void at_the_end_what_waits_is_sent(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, DISCORD | WEBHOOK, NULL);
	put(&w, "found", "Berserk", "last");
	world_stop(&w);
	assert_int_equal(server_asked(&w.discord), 1);
	assert_int_equal(server_asked(&w.webhook), 1);
	world_end(&w);
}

static void program_of(struct world *w, const char *script, char *path, size_t size)
{
	snprintf(path, size, "%s/hook", w->dir);
	write_file(w->dir, "hook", script, 0700);
}

static void a_program_gets_the_same(void **state)
{
	struct world w;
	char path[4096], script[4096];
	(void)state;
	world_begin(&w, 0, NULL);
	snprintf(script, sizeof script, "#!/bin/sh\ncat > %s/out\n", w.dir);
	program_of(&w, script, path, sizeof path);
	world_files(&w, 0, path);
	config_free(w.config);
	world_load(&w);
	put(&w, "found", "@everyone", "a\x1b[0m\xff");
	notify_flush(w.notify);
	wait_counts(&w, 1, 0, 0);
	snprintf(path, sizeof path, "%s/out", w.dir);
	_fclose_ FILE *f = fopen(path, "re");
	assert_non_null(f);
	char text[4096] = "";
	assert_true(fread(text, 1, sizeof text - 1, f) > 0);
	struct js *v = parse(text);
	assert_string_equal(js_text(js_at(js_get(v, "notices"), 0), "series"), "@everyone");
	assert_string_equal(js_text(js_at(js_get(v, "notices"), 0), "text"),
			    "a\x1b[0m\xef\xbf\xbd");
	js_free(v);
	world_end(&w);
}

static void a_program_that_fails_or_hangs_is_its_own_affair(void **state)
{
	struct world w;
	char path[4096];
	(void)state;
	world_begin(&w, 0, NULL);
	program_of(&w, "#!/bin/sh\nexit 1\n", path, sizeof path);
	world_files(&w, WEBHOOK, path);
	config_free(w.config);
	world_load(&w);
	put(&w, "found", "Berserk", "first");
	notify_flush(w.notify);
	wait_counts(&w, 1, 1, 1);
	program_of(&w, "#!/bin/sh\nsleep 1000\n", path, sizeof path);
	put(&w, "found", "Berserk", "second");
	world_move(&w, 20);
	wait_counts(&w, 2, 1, 0);
	pause_ms(100);
	int64_t start = mono_ns();
	world_stop(&w);
	assert_true(mono_ns() - start < 4 * NS_PER_S);
	world_end(&w);
}

/** Runs @act with standard error in a file; what was written there, which the caller frees. */
static char *logged(struct world *w, void (*act)(struct world *w))
{
	char path[4096];
	char *text = calloc(1, 65536);
	snprintf(path, sizeof path, "%s/log", w->dir);
	int saved = dup(STDERR_FILENO), file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	dup2(file, STDERR_FILENO);
	act(w);
	dup2(saved, STDERR_FILENO);
	assert_true(pread(file, text, 65535, 0) >= 0);
	close(saved);
	close(file);
	return text;
}

static void fail_in_every_way(struct world *w)
{
	static const int statuses[] = {500, 302, 429, 400, 404};
	log_set_level(LOG_LEVEL_TRACE);
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		server_says(&w->discord, &(struct answer){.status = statuses[i]}, 1);
		put(w, "found", "Berserk", "x");
		world_move(w, 7000);
		wait_asked(&w->discord, (int)i + 1);
		pause_ms(100);
	}
	log_set_level(LOG_LEVEL_INFO);
}

static void no_address_is_ever_logged(void **state)
{
	struct world w;
	(void)state;
	world_begin(&w, DISCORD, NULL);
	_free_ char *log = logged(&w, fail_in_every_way);
	assert_non_null(strstr(log, "discord: notices cannot be sent"));
	assert_non_null(strstr(log, "404"));
	assert_null(strstr(log, SECRET));
	assert_null(strstr(log, "127.0.0.1"));
	world_end(&w);
}

static void load_again(struct world *w)
{
	config_free(w->config);
	world_load(w);
}

static void what_is_configured_wrongly_is_left_out(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
	} rows[] = {{"http://127.0.0.1:1/" SECRET "\n", 0644},
		    {"", 0600},
		    {"ftp://h/" SECRET "\n", 0600},
		    {SECRET "\n", 0600}};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world w;
		world_begin(&w, DISCORD, NULL);
		world_stop(&w);
		write_file(w.dir, "discord", rows[i].text, rows[i].mode);
		_free_ char *log = logged(&w, load_again);
		assert_null(w.notify);
		assert_non_null(strstr(log, "discord: not used: "));
		assert_null(strstr(log, SECRET));
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_configuration_there_is_nothing),
		cmocka_unit_test(one_run_is_one_message),
		cmocka_unit_test(silence_ends_a_run_too),
		cmocka_unit_test(without_silence_they_do_not_wait_for_ever),
		cmocka_unit_test(names_are_only_names),
		cmocka_unit_test(texts_of_any_length_are_cut_at_characters),
		cmocka_unit_test(ten_thousand_notices_are_one_message),
		cmocka_unit_test(any_number_of_kinds_fits),
		cmocka_unit_test(too_many_is_obeyed),
		cmocka_unit_test(a_webhook_that_is_gone_is_left_alone),
		cmocka_unit_test(what_fails_is_tried_again),
		cmocka_unit_test(a_message_that_is_refused_is_dropped),
		cmocka_unit_test(after_a_day_they_are_dropped),
		cmocka_unit_test(one_that_hangs_holds_up_nobody),
		cmocka_unit_test(at_the_end_what_waits_is_sent),
		cmocka_unit_test(a_program_gets_the_same),
		cmocka_unit_test(a_program_that_fails_or_hangs_is_its_own_affair),
		cmocka_unit_test(no_address_is_ever_logged),
		cmocka_unit_test(what_is_configured_wrongly_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
