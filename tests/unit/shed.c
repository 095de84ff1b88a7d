/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages of the program's files are given back, come again when they are touched, and nothing that was written is lost. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/shed.h"

static volatile int written = 1;
/* the loader writes these, and nobody may after it */
static const char *const volatile relocated[] = {"one", "two"};

/** In bytes: pages of files that this process has. */
static long resident(void)
{
	char line[256];
	long kib = -1;
	_fclose_ FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "RssFile: %ld", &kib) == 1)
			break;
	return kib * 1024;
}

/** Has all of it in memory, as if somebody had read it. */
static int touch(struct dl_phdr_info *object, size_t size, void *arg)
{
	char bytes[4096];
	(void)size;
	for (int i = 0; i < object->dlpi_phnum && object->dlpi_addr != getauxval(AT_SYSINFO_EHDR); i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		off_t start = (off_t)(object->dlpi_addr + part->p_vaddr);
		for (off_t at = 0; part->p_type == PT_LOAD && at < (off_t)part->p_filesz; at += (off_t)sizeof bytes)
			if (pread(*(int *)arg, bytes, sizeof bytes, start + at) < 0)
				return -1;
	}
	return 0;
}

static void test_what_was_only_needed_to_start_is_given_back(void **state)
{
	_close_ int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	(void)state;
	written = 2;
	assert_int_equal(dl_iterate_phdr(touch, &fd), 0);
	long most = resident();
	shed_code();
	long least = resident();
	assert_true(most > 1 << 20);
	assert_true(least < most / 2);
	assert_int_equal(written, 2);
	assert_string_equal(relocated[1], "two");
	assert_int_equal(dl_iterate_phdr(touch, &fd), 0);
	assert_true(resident() > least);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_only_needed_to_start_is_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
