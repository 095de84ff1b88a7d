/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "indexer/mounts.h"

static void load(struct mounts *m, const char *text)
{
	*m = (struct mounts){.fd = memfd_create("mountinfo", MFD_CLOEXEC)};
	assert_true(m->fd >= 0);
	assert_int_equal(write(m->fd, text, strlen(text)), strlen(text));
	assert_int_equal(mounts_read(m), 0);
}

static const struct mount *at(const struct mounts *m, const char *path)
{
	const struct mount *mount = mounts_cover(m, path);
	if (!mount)
		fail_msg("%s is on no mount", path);
	return mount;
}

/* --- lines --- */

static void a_line_tells_device_point_and_type(void **state)
{
	struct mounts m;
	(void)state;
	load(&m, "22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n"
		 "36 22 8:17 /sub /srv/music rw,noatime - btrfs /dev/sdb1 rw,space_cache\n"
		 "37 22 0:45 / /srv/manga rw shared:5 master:3 propagate_from:2 - nfs4 host:/x rw\n");
	assert_int_equal(m.list.len, 3);
	assert_int_equal(m.list.data[1].id, 36);
	assert_int_equal(m.list.data[1].device, makedev(8, 17));
	assert_string_equal(m.list.data[1].point, "/srv/music");
	assert_string_equal(m.list.data[1].type, "btrfs /dev/sdb1 /sub");
	assert_string_equal(m.list.data[2].point, "/srv/manga");
	assert_string_equal(m.list.data[2].type, "nfs4 host:/x /");
	mounts_close(&m);
}

static void escapes_in_paths_are_undone(void **state)
{
	static const struct {
		const char *written, *point;
	} rows[] = {
		{"/a\\040b", "/a b"},	   {"/a\\011b", "/a\tb"},	{"/a\\012b", "/a\nb"},
		{"/a\\134b", "/a\\b"},	   {"/a\\134040b", "/a\\040b"}, {"/\\040\\040", "/  "},
		{"/a\\303\\251", "/a\303\251"}, {"/a\\", "/a\\"},		{"/a\\04", "/a\\04"},
		{"/a\\9zz", "/a\\9zz"},	   {"/\303\251", "/\303\251"},	{"/a\\043", "/a#"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mounts m;
		char line[256];
		snprintf(line, sizeof line, "36 22 8:17 / %s rw - ext4 /dev/sdb1 rw\n", rows[i].written);
		load(&m, line);
		assert_int_equal(m.list.len, 1);
		assert_string_equal(m.list.data[0].point, rows[i].point);
		mounts_close(&m);
	}
}

static void lines_that_are_none_are_left_out(void **state)
{
	struct mounts m;
	(void)state;
	load(&m, "\n"
		 "garbage\n"
		 "36 22 8:17 / /a rw ext4 /dev/sdb1 rw\n"
		 "x 22 8:17 / /b rw - ext4 /dev/sdb1 rw\n"
		 "36 22 8-17 / /c rw - ext4 /dev/sdb1 rw\n"
		 "36 22 8:17 / - ext4 /dev/sdb1 rw\n"
		 "37 22 0:9 / /d rw - tmpfs\n"
		 "38 22 0:10 / /e rw - tmpfs none rw");
	assert_int_equal(m.list.len, 2);
	assert_string_equal(m.list.data[0].point, "/d");
	assert_string_equal(m.list.data[0].type, "tmpfs  /");
	assert_string_equal(m.list.data[1].point, "/e");
	mounts_close(&m);
}

static void a_list_that_cannot_be_read_leaves_the_old_one(void **state)
{
	struct mounts m;
	(void)state;
	load(&m, "22 1 8:2 / / rw - ext4 /dev/sda2 rw\n");
	assert_int_equal(ftruncate(m.fd, 0), 0);
	assert_int_equal(mounts_read(&m), -EIO);
	assert_int_equal(m.list.len, 1);
	int fd = m.fd, pair[2];
	assert_int_equal(pipe(pair), 0);
	m.fd = pair[0];
	assert_int_equal(mounts_read(&m), -ESPIPE);
	assert_int_equal(m.list.len, 1);
	m.fd = fd;
	close(pair[0]);
	close(pair[1]);
	/* and a shorter one replaces a longer one */
	assert_int_equal(pwrite(fd, "9 1 8:3 / /n rw - xfs /dev/n rw\n", 32, 0), 32);
	assert_int_equal(mounts_read(&m), 0);
	assert_int_equal(m.list.len, 1);
	assert_string_equal(m.list.data[0].type, "xfs /dev/n /");
	mounts_close(&m);
	assert_int_equal(m.fd, -1);
}

static void a_long_list_is_read_whole(void **state)
{
	struct mounts m;
	char *text = malloc(2000 * 128), last[32];
	size_t n = 0;
	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 2000; i++)
		n += (size_t)snprintf(text + n, 128, "%d 1 8:%d / /srv/disks/number-%d rw,relatime - ext4 /dev/d%d rw\n",
				     i + 2, i % 255, i, i);
	load(&m, text);
	assert_int_equal(m.list.len, 2000);
	snprintf(last, sizeof last, "/srv/disks/number-%d", 1999);
	assert_string_equal(m.list.data[1999].point, last);
	mounts_close(&m);
	free(text);
}

static void the_real_list_has_a_root(void **state)
{
	struct mounts m;
	(void)state;
	assert_int_equal(mounts_open(&m), 0);
	assert_true(m.list.len > 0);
	assert_string_equal(at(&m, "/")->point, "/");
	mounts_close(&m);
}

/* --- which mount a path is on --- */

static const char tree[] =
	"22 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
	"30 22 8:16 / /srv rw - ext4 /dev/sdb rw\n"
	"31 30 8:32 / /srv/music rw - ext4 /dev/sdc rw\n"
	"32 31 0:50 / /srv/music/net rw - cifs //host/m rw\n"
	"33 30 8:64 / /srv/music2 rw - ext4 /dev/sdd rw\n"
	"34 31 8:80 / /srv/music rw - ext4 /dev/sde rw\n"
	"35 34 8:96 / /srv/music/a\\040b rw - ext4 /dev/sdf rw\n"
	"36 34 0:60 / /srv/music/own rw - fuse.mediamon mediamon rw\n";

static void the_deepest_and_last_mount_counts(void **state)
{
	struct mounts m;
	(void)state;
	load(&m, tree);
	assert_int_equal(at(&m, "/")->id, 22);
	assert_int_equal(at(&m, "/srvx")->id, 22);
	assert_int_equal(at(&m, "/srv")->id, 30);
	assert_int_equal(at(&m, "/srv/other/deep")->id, 30);
	/* another disk was mounted over the first */
	assert_int_equal(at(&m, "/srv/music")->id, 34);
	assert_int_equal(at(&m, "/srv/music/x/y")->id, 34);
	assert_int_equal(at(&m, "/srv/music2/x")->id, 33);
	assert_int_equal(at(&m, "/srv/music/a b/c")->id, 35);
	mounts_close(&m);
	load(&m, "31 30 8:32 / /srv/music rw - ext4 /dev/sdc rw\n");
	assert_null(mounts_cover(&m, "/srv"));
	mounts_close(&m);
}

/** What lies below a disk that was mounted later is hidden, though its path is longer. */
static void a_mount_below_one_that_came_later_is_hidden(void **state)
{
	struct mounts m;
	(void)state;
	load(&m, tree);
	assert_int_equal(at(&m, "/srv/music/net")->id, 34);
	mounts_close(&m);
	/* a system as it boots: what is mounted early was moved below the root later */
	load(&m, "20 25 0:19 / /proc rw - proc proc rw\n"
		 "21 25 0:20 / /run rw - tmpfs tmpfs rw\n"
		 "25 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
		 "26 21 0:33 / /run/user rw - tmpfs tmpfs rw\n");
	assert_int_equal(at(&m, "/proc/1")->id, 20);
	assert_int_equal(at(&m, "/run/user/0")->id, 26);
	assert_int_equal(at(&m, "/etc")->id, 25);
	mounts_close(&m);
}

struct below {
	int n;
	char text[256];
};

static void add_below(void *arg, const struct mount *mount, const char *below)
{
	struct below *b = arg;
	size_t n = strlen(b->text);
	b->n++;
	snprintf(b->text + n, sizeof b->text - n, "%llu=%s;", (unsigned long long)mount->id, below);
}

static void mounts_below_a_path_are_those_that_can_be_seen(void **state)
{
	struct mounts m;
	struct below b = {0};
	(void)state;
	load(&m, tree);
	mounts_below(&m, "/srv/music", add_below, &b);
	assert_string_equal(b.text, "35=a b;36=own;");
	b = (struct below){0};
	mounts_below(&m, "/srv", add_below, &b);
	assert_string_equal(b.text, "33=music2;34=music;35=music/a b;36=music/own;");
	b = (struct below){0};
	mounts_below(&m, "/srv/mus", add_below, &b);
	assert_int_equal(b.n, 0);
	mounts_below(&m, "/srv/music/own", add_below, &b);
	assert_int_equal(b.n, 0);
	mounts_close(&m);
}

/* --- what they are --- */

static void types_are_told_apart(void **state)
{
	static const struct {
		const char *type;
		bool is_own, is_remote;
	} rows[] = {
		{"fuse.mediamon mediamon", true, true},	  {"fuse.mediamonx x", false, true},
		{"fuse.sshfs host:", false, true},	  {"fuse x", false, true},
		{"fuseblk /dev/sdb1", false, true},	  {"nfs host:/a", false, true},
		{"nfs4 host:/a", false, true},		  {"nfsd nfsd", false, false},
		{"cifs //h/s", false, true},		  {"ext4 /dev/sda", false, false},
		{"ext4 fuse.mediamon", false, false},	  {"btrfs /dev/sda", false, false},
		{"tmpfs nfs", false, false},		  {"9p host", false, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct mount m = {.type = (char *)(uintptr_t)rows[i].type};
		if (mount_is_own(&m) != rows[i].is_own || mount_is_remote(&m) != rows[i].is_remote)
			fail_msg("%s", rows[i].type);
	}
}

static void the_same_disk_is_known_again(void **state)
{
	char type[] = "ext4 /dev/sdb1 /", net[] = "nfs4 host:/a /";
	const struct mount disk = {.device = makedev(8, 17), .type = type};
	const struct mount server = {.device = makedev(0, 45), .type = net};
	(void)state;
	assert_true(mount_is_same(&disk, makedev(8, 17), "ext4 /dev/sdb1 /"));
	/* the same disk under another name */
	assert_true(mount_is_same(&disk, makedev(8, 17), "ext4 /dev/disk/by-label/x /"));
	/* another folder of the same disk */
	assert_false(mount_is_same(&disk, makedev(8, 17), "ext4 /dev/sdb1 /sub"));
	assert_false(mount_is_same(&disk, makedev(8, 18), "ext4 /dev/sdb1 /"));
	/* numbers of a server's file systems change with each mount */
	assert_true(mount_is_same(&server, makedev(0, 99), "nfs4 host:/a /"));
	assert_false(mount_is_same(&server, makedev(0, 45), "nfs4 host:/b /"));
	assert_false(mount_is_same(&server, makedev(8, 17), "ext4 /dev/sdb1 /"));
	assert_false(mount_is_same(&disk, makedev(0, 45), "nfs4 host:/a /"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_tells_device_point_and_type),
		cmocka_unit_test(escapes_in_paths_are_undone),
		cmocka_unit_test(lines_that_are_none_are_left_out),
		cmocka_unit_test(a_list_that_cannot_be_read_leaves_the_old_one),
		cmocka_unit_test(a_long_list_is_read_whole),
		cmocka_unit_test(the_real_list_has_a_root),
		cmocka_unit_test(the_deepest_and_last_mount_counts),
		cmocka_unit_test(a_mount_below_one_that_came_later_is_hidden),
		cmocka_unit_test(mounts_below_a_path_are_those_that_can_be_seen),
		cmocka_unit_test(types_are_told_apart),
		cmocka_unit_test(the_same_disk_is_known_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
