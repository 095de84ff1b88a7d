/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/symlinks/health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OWN_TYPE "fuse.mediamon"

static const char *text_of(int error)
{
	const char *text = strerrordesc_np(-error);
	return text ? text : "an unknown error";
}

/** Its daemon is not there: as good as not mounted. */
static bool is_absent(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ENOTCONN || error == -ENODEV;
}

static struct health_verdict verdict(const char *state, const char *reason)
{
	struct health_verdict v = {.is_healthy = strcmp(state, "healthy") == 0, .state = state};
	snprintf(v.reason, sizeof v.reason, "%s", reason);
	return v;
}

static struct health_verdict judge_error(int error)
{
	struct health_verdict v = verdict(is_absent(error) ? "absent" : "unknown", "");
	snprintf(v.reason, sizeof v.reason, "the mount cannot be opened (%s)", text_of(error));
	return v;
}

static struct health_verdict judge_anchors(const struct mount_facts *f)
{
	struct health_verdict v = verdict("healthy", "");
	if (f->failed * 4 > f->anchors) {
		v = verdict("unknown", "");
		snprintf(v.reason, sizeof v.reason, "%d of %d known files of the mount answer with errors",
			 f->failed, f->anchors);
	} else if (!f->answered && f->anchors) {
		v = verdict("foreign", "");
		v.is_loss = true;
		snprintf(v.reason, sizeof v.reason,
			 "none of %d files that were there is on the mount: it is another one, or it lost everything",
			 f->anchors);
	} else if (f->answered * 2 < f->anchors) {
		v = verdict("unknown", "");
		v.is_loss = true;
		snprintf(v.reason, sizeof v.reason,
			 "only %d of %d files that were there are on the mount: it is half there", f->answered,
			 f->anchors);
	}
	return v;
}

struct health_verdict health_judge(int error, const struct mount_facts *f, const struct health_known *known)
{
	if (error == -ETIMEDOUT || f->error == -ETIMEDOUT)
		return verdict("stuck", "the mount does not answer");
	if (error)
		return verdict("unknown", "the mount could not be asked");
	if (strcmp(f->fstype, OWN_TYPE) == 0)
		return verdict("foreign", "this is mediamon's own mount, which is not looked at");
	if (f->error)
		return judge_error(f->error);
	if (!*f->fstype && *known->fstype)
		return verdict("absent", "nothing is mounted there");
	if (*known->fstype && strcmp(f->fstype, known->fstype) != 0) {
		struct health_verdict v = verdict("foreign", "");
		snprintf(v.reason, sizeof v.reason, "a file system of type %s is mounted there, it was %s",
			 f->fstype, known->fstype);
		return v;
	}
	if (known->mount_id && f->mount_id != known->mount_id)
		return verdict("flapping", "it was mounted anew while it was looked at");
	if (!f->entries)
		return verdict("empty", "the mount lists nothing");
	if (!f->has_dir)
		return verdict("empty", "the mount lists no folder");
	return judge_anchors(f);
}
