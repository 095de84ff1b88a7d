/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "indexer/net/secret.h"

/* "conf" is among the files that unit_remove() knows */
struct place {
	char *folder, path[4096], why[256];
	struct buf secret;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	p->folder = unit_folder();
	p->secret = BUF_INIT(4096);
	snprintf(p->path, sizeof p->path, "%s/conf", p->folder);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	secret_clear(&p->secret);
	unit_remove(p->folder);
	free(p);
	return 0;
}

static void put(const char *path, const char *text, size_t n, mode_t mode)
{
	unlink(path);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int read_back(struct place *p, const char *text, size_t n, mode_t mode)
{
	put(p->path, text, n, mode);
	return secret_read(p->path, &p->secret, p->why);
}

static void the_first_line_counts(void **state)
{
	static const struct {
		const char *text, *secret;
	} rows[] = {
		{"key", "key"}, {"key\n", "key"}, {" \tkey \t\r\n", "key"}, {"key\nother\n", "key"},
		{"pass word", "pass word"}, {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
	};
	struct place *p = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(read_back(p, rows[i].text, strlen(rows[i].text), 0600), 0);
		assert_string_equal(buf_str(&p->secret), rows[i].secret);
	}
	assert_int_equal(read_back(p, "key", 3, 0400), 0);
}

static void what_is_no_secret_is_refused(void **state)
{
	static char large[4097];
	struct place *p = *state;
	memset(large, 'x', sizeof large);
	assert_int_equal(read_back(p, "", 0, 0600), -ENODATA);
	assert_int_equal(read_back(p, "\n", 1, 0600), -ENODATA);
	assert_int_equal(read_back(p, "  \r\nkey", 7, 0600), -ENODATA);
	assert_int_equal(read_back(p, "k\0y", 3, 0600), -EINVAL);
	assert_int_equal(read_back(p, "k\x1by", 3, 0600), -EINVAL);
	assert_int_equal(read_back(p, large, 4097, 0600), -EFBIG);
	assert_int_equal(p->secret.len, 0);
	assert_int_equal(read_back(p, large, 4096, 0600), 0);
	assert_int_equal(p->secret.len, 4096);
}

static void a_failure_leaves_no_older_secret(void **state)
{
	struct place *p = *state;
	assert_int_equal(read_back(p, "canary", 6, 0600), 0);
	assert_int_equal(read_back(p, "canary", 6, 0644), -EPERM);
	assert_int_equal(p->secret.len, 0);
	assert_null(strstr(p->why, "canary"));
	assert_non_null(strstr(p->why, p->path));
}

static void others_must_not_read_it(void **state)
{
	static const mode_t modes[] = {0604, 0640, 0644, 0660, 0666, 0602, 0601, 0440};
	struct place *p = *state;
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		assert_int_equal(read_back(p, "key", 3, modes[i]), -EPERM);
}

static void systemds_credentials_may_be_read_by_their_group(void **state)
{
	struct place *p = *state;
	char odd[4200], other[4200];
	setenv("CREDENTIALS_DIRECTORY", p->folder, 1);
	assert_int_equal(read_back(p, "key", 3, 0440), 0);
	/* a folder whose name only begins so */
	snprintf(odd, sizeof odd, "%s/conf", p->folder);
	snprintf(other, sizeof other, "%s/config", p->folder);
	unlink(odd);
	assert_int_equal(mkdir(odd, 0700), 0);
	setenv("CREDENTIALS_DIRECTORY", odd, 1);
	put(other, "key", 3, 0440);
	assert_int_equal(secret_read(other, &p->secret, p->why), -EPERM);
	unlink(other);
	rmdir(odd);
	setenv("CREDENTIALS_DIRECTORY", "/", 1);
	assert_int_equal(read_back(p, "key", 3, 0440), -EPERM);
	setenv("CREDENTIALS_DIRECTORY", "", 1);
	assert_int_equal(read_back(p, "key", 3, 0440), -EPERM);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void only_regular_files_are_read(void **state)
{
	struct place *p = *state;
	assert_int_equal(secret_read(p->path, &p->secret, p->why), -ENOENT);
	assert_int_equal(secret_read(p->folder, &p->secret, p->why), -EINVAL);
	/* a pipe without a writer must not hold us up */
	assert_int_equal(mkfifo(p->path, 0600), 0);
	assert_int_equal(secret_read(p->path, &p->secret, p->why), -EINVAL);
	assert_int_equal(secret_read("/dev/null", &p->secret, p->why), -EINVAL);
	assert_int_equal(secret_read("", &p->secret, p->why), -ENOENT);
}

static void clearing_forgets(void **state)
{
	struct place *p = *state;
	assert_int_equal(read_back(p, "key", 3, 0600), 0);
	secret_clear(&p->secret);
	assert_null(p->secret.data);
	secret_clear(&p->secret);
}

#define PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE(the_first_line_counts),
		PLACE(what_is_no_secret_is_refused),
		PLACE(a_failure_leaves_no_older_secret),
		PLACE(others_must_not_read_it),
		PLACE(systemds_credentials_may_be_read_by_their_group),
		PLACE(only_regular_files_are_read),
		PLACE(clearing_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
