/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine and a disk are good for. */
#include "tests/unit/unit.h"

#include <linux/magic.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/thread.h"
#include "indexer/device.h"
#include "indexer/heads.h"
#include "indexer/profile.h"

/* --- devices --- */

static char *sys;

static void make(const char *path)
{
	char whole[4096];
	snprintf(whole, sizeof whole, "%s/%s", sys, path);
	for (char *p = whole + strlen(sys) + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(whole, 0755);
			*p = '/';
		}
}

static void put(const char *path, const char *text)
{
	char whole[4096];
	make(path);
	snprintf(whole, sizeof whole, "%s/%s", sys, path);
	FILE *f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void point(const char *path, const char *to)
{
	char whole[4096];
	make(path);
	snprintf(whole, sizeof whole, "%s/%s", sys, path);
	assert_int_equal(symlink(to, whole), 0);
}

static void make_sys(void)
{
	sys = unit_folder();
	put("devices/sda/queue/rotational", "1\n");
	put("devices/sda/sda1/partition", "1\n");
	put("devices/sdb/queue/rotational", "0\n");
	put("devices/nvme0n1/queue/rotational", "0\n");
	put("devices/nvme0n1/nvme0n1p2/partition", "2\n");
	put("devices/sdc/nothing", "");
	/* dm-0 on md0 on sda1 and sdb; dm-1 on the flash alone; dm-2 on itself */
	put("devices/dm-0/queue/rotational", "0\n");
	put("devices/md0/queue/rotational", "0\n");
	put("devices/dm-1/queue/rotational", "1\n");
	point("devices/dm-0/slaves/md0", "../../md0");
	point("devices/md0/slaves/sda1", "../../sda/sda1");
	point("devices/md0/slaves/sdb", "../../sdb");
	point("devices/dm-1/slaves/nvme0n1p2", "../../nvme0n1/nvme0n1p2");
	put("devices/dm-2/queue/rotational", "0\n");
	point("devices/dm-2/slaves/dm-2", "../../dm-2");
	point("dev/block/8:0", "../../devices/sda");
	point("dev/block/8:1", "../../devices/sda/sda1");
	point("dev/block/8:16", "../../devices/sdb");
	point("dev/block/8:32", "../../devices/sdc");
	point("dev/block/259:2", "../../devices/nvme0n1/nvme0n1p2");
	point("dev/block/253:0", "../../devices/dm-0");
	point("dev/block/253:1", "../../devices/dm-1");
	point("dev/block/253:2", "../../devices/dm-2");
	point("dev/block/7:7", "../../devices/gone");
}

static void disks_are_told_from_flash_through_what_lies_on_them(void **state)
{
	(void)state;
	static const struct {
		unsigned major, minor;
		uint64_t magic;
		enum device_kind kind;
	} rows[] = {
		{8, 0, EXT4_SUPER_MAGIC, DEVICE_rotational},   {8, 1, EXT4_SUPER_MAGIC, DEVICE_rotational},
		{8, 16, EXT4_SUPER_MAGIC, DEVICE_ssd},	       {259, 2, XFS_SUPER_MAGIC, DEVICE_nvme},
		{253, 0, EXT4_SUPER_MAGIC, DEVICE_rotational}, {253, 1, EXT4_SUPER_MAGIC, DEVICE_nvme},
		{8, 32, EXT4_SUPER_MAGIC, DEVICE_unknown},     {253, 2, EXT4_SUPER_MAGIC, DEVICE_unknown},
		{7, 7, EXT4_SUPER_MAGIC, DEVICE_unknown},      {0, 42, BTRFS_SUPER_MAGIC, DEVICE_unknown},
		{0, 43, NFS_SUPER_MAGIC, DEVICE_network},      {0, 44, 0x65735546, DEVICE_fuse},
		{0, 45, TMPFS_MAGIC, DEVICE_memory},	       {8, 0, TMPFS_MAGIC, DEVICE_memory},
		/* the upper half of f_type is whatever the kernel leaves there */
		{0, 46, UINT64_C(0xffffffff00000000) | NFS_SUPER_MAGIC, DEVICE_network},
	};
	make_sys();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum device_kind kind = device_of(sys, makedev(rows[i].major, rows[i].minor), rows[i].magic);
		if (kind != rows[i].kind)
			fail_msg("%u:%u is %s", rows[i].major, rows[i].minor, DEVICES_TABLE[kind].name);
	}
	assert_int_equal(device_of("/nowhere", makedev(8, 0), EXT4_SUPER_MAGIC), DEVICE_unknown);
	unit_remove(sys);
}

static void every_device_takes_a_read_at_least(void **state)
{
	(void)state;
	for (int i = 0; i < DEVICE_COUNT; i++)
		assert_true(DEVICES_TABLE[i].name && DEVICES_TABLE[i].depth >= 1 && DEVICES_TABLE[i].depth <= 32);
}

/* --- profiles --- */

static void a_machine_gets_what_it_can_bear(void **state)
{
	(void)state;
	assert_string_equal(profile_find("auto", 24000)->name, "server");
	assert_string_equal(profile_find("auto", 6000)->name, "server");
	assert_string_equal(profile_find("auto", 5999)->name, "nas");
	assert_string_equal(profile_find("auto", 1499)->name, "raspberry");
	assert_string_equal(profile_find("auto", 0)->name, "raspberry");
	assert_string_equal(profile_find("raspberry", 24000)->name, "raspberry");
	assert_string_equal(profile_find("server", 0)->name, "server");
	assert_null(profile_find("toaster", 24000));
	assert_null(profile_find("", 24000));
	assert_non_null(profile_here("auto"));
}

static void every_profile_can_work(void **state)
{
	(void)state;
	for (int64_t memory = 0; memory < 32000; memory += 100) {
		const struct profile *p = profile_find("auto", memory);
		assert_non_null(p);
		assert_true(p->memory <= memory && p->workers >= 1 && p->walkers >= 1);
		assert_true(p->walkers_most >= p->walkers && p->queue >= 1 && p->slots >= 1 && p->slots <= HEADS_SLOTS);
		assert_true(p->regions >= 0 && p->regions <= HEADS_REGIONS);
	}
}

static void a_number_of_the_configuration_counts_as_it_is(void **state)
{
	(void)state;
	assert_int_equal(profile_count(7, 1, 2), 7);
	assert_int_equal(profile_count(0, 5, 5), 5);
	assert_int_equal(profile_count(0, 1, 1), 1);
	assert_true(profile_count(0, 1, 1000) >= 1);
}

struct placed {
	bool is_behind;
	int nice, class;
};

static void *place(void *arg)
{
	struct placed *p = arg;
	profile_place_scan(p->is_behind);
	p->nice = getpriority(PRIO_PROCESS, 0);
	p->class = sched_getscheduler(0);
	return NULL;
}

static void only_the_thread_that_says_so_is_placed(void **state)
{
	struct thread t = {0};
	int before = getpriority(PRIO_PROCESS, 0), class = sched_getscheduler(0);
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct placed p = {.is_behind = i};
		assert_int_equal(thread_start(&t, "place", place, &p), 0);
		thread_join(&t);
		assert_int_equal(p.class, SCHED_BATCH);
		assert_true(p.is_behind ? p.nice >= 10 : p.nice > before || p.nice == 19);
		assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
		assert_int_equal(sched_getscheduler(0), class);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disks_are_told_from_flash_through_what_lies_on_them),
		cmocka_unit_test(every_device_takes_a_read_at_least),
		cmocka_unit_test(a_machine_gets_what_it_can_bear),
		cmocka_unit_test(every_profile_can_work),
		cmocka_unit_test(a_number_of_the_configuration_counts_as_it_is),
		cmocka_unit_test(only_the_thread_that_says_so_is_placed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
