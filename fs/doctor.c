/* SPDX-License-Identifier: GPL-3.0-or-later */
/** `mediamon doctor`: each check is a row; each failure says what to do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/live.h"
#include "common/store.h"
#include "fs/dump.h"
#include "fs/view_sandbox.h"

/** A check returns true when all is well, else with what is wrong and what to do in @out. */
typedef bool check_fn(const struct config *config, struct buf *out);

static bool check_fuse(const struct config *config, struct buf *out)
{
	(void)config;
	_close_ int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return true;
	buf_addf(out, "/dev/fuse cannot be opened: %s (load the module: modprobe fuse; in a container "
		      "pass --device /dev/fuse)",
		 strerror(errno));
	return false;
}

static bool check_fusermount(const struct config *config, struct buf *out)
{
	(void)config;
	if (geteuid() == 0 || access("/usr/bin/fusermount3", X_OK) == 0 ||
	    access("/bin/fusermount3", X_OK) == 0)
		return true;
	buf_adds(out, "fusermount3 is missing: install the package fuse3");
	return false;
}

static bool check_configuration(const struct config *config, struct buf *out)
{
	if (config_count(config, OPT_music) + config_count(config, OPT_manga) +
	    config_count(config, OPT_links))
		return true;
	buf_adds(out, "no folder is configured: set music, manga or links in the configuration");
	return false;
}

static bool check_roots(const struct config *config, struct buf *out)
{
	static const enum option_id lists[] = {OPT_music, OPT_manga, OPT_links};
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		for (size_t k = 0; k < config_count(config, lists[i]); k++) {
			struct stat st;
			const char *path = config_item(config, lists[i], k);
			if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, R_OK | X_OK) == 0)
				continue;
			buf_addf(out, "%s%s: %s", out->len ? "; " : "", path,
				 errno ? strerror(errno) : "not a folder");
		}
	return out->len == 0;
}

static bool check_state(const struct config *config, struct buf *out)
{
	const char *dir = config_state_dir(config);
	if (access(dir, R_OK | X_OK) == 0)
		return true;
	buf_addf(out, "the state directory %s: %s (the indexer makes it at its first start)", dir,
		 strerror(errno));
	return false;
}

static bool check_indexer(const struct config *config, struct buf *out)
{
	int64_t pid;
	if (live_indexer(config_state_dir(config), &pid))
		return true;
	buf_adds(out, "no indexer works in the state directory: start it with `mediamond -d CONFIG`, "
		      "or mount, which starts it");
	return false;
}

static bool check_store(const struct config *config, struct buf *out)
{
	struct store *s = NULL;
	int r = store_open_reader(config_state_dir(config), &s);
	store_close(s);
	if (r == 0)
		return true;
	buf_addf(out, "the store cannot be read: %s",
		 r == -ENOENT  ? "there is none yet"
		 : r == -EPROTO ? "another version of mediamon made it"
				: strerror(-r));
	return false;
}

static bool check_watches(const struct config *config, struct buf *out)
{
	enum { ENOUGH = 65536 };
	long limit = 0;
	(void)config;
	_fclose_ FILE *f = fopen("/proc/sys/fs/inotify/max_user_watches", "re");
	if (!f || fscanf(f, "%ld", &limit) != 1 || limit >= ENOUGH)
		return true;
	buf_addf(out, "only %ld folders can be watched: sysctl -w fs.inotify.max_user_watches=524288",
		 limit);
	return false;
}

static bool check_sandbox(const struct config *config, struct buf *out)
{
	int64_t pid;
	struct live_values live = {0};
	const struct live_page *page = live_indexer(config_state_dir(config), &pid)
					       ? live_open(config_state_dir(config)) : NULL;
	if (!page)
		return true;
	live_read(page, &live);
	live_close(page);
	sandbox_complain(live.sandbox, out);
	bool ok = out->len == 0;
	if (ok)
		sandbox_describe(live.sandbox, out);
	else
		out->data[--out->len] = '\0';
	return ok;
}

static const struct {
	const char *name;
	check_fn *check;
} checks[] = {
	{"/dev/fuse", check_fuse},
	{"fusermount3", check_fusermount},
	{"configuration", check_configuration},
	{"folders", check_roots},
	{"state directory", check_state},
	{"indexer", check_indexer},
	{"store", check_store},
	{"sandbox", check_sandbox},
	{"watches", check_watches},
};

int doctor_command(const struct config *config)
{
	int bad = 0;
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		_buf_ struct buf why = BUF_INIT(1 << 16);
		bool ok = checks[i].check(config, &why);
		printf("%-16s %s%s%s\n", checks[i].name, ok ? "ok" : "PROBLEM", why.len ? ": " : "",
		       buf_str(&why));
		bad += !ok;
	}
	return bad ? 1 : 0;
}
