/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/guard.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/** Of a disk's room: a larger change is always written. */
#define ROOM_MOVED (UINT64_C(64) << 20)

static const char *reason_of(int error)
{
	switch (-error) {
	case ENOTCONN:
		return "its file system has ended (transport endpoint is not connected); everything "
		       "known of it is kept";
	case ESTALE:
		return "its server does not know the folder any more (stale file handle); everything "
		       "known of it is kept";
	case EACCES:
	case EPERM:
		return "the indexer may not open the folder (permission denied); everything known of it "
		       "is kept";
	case EIO:
		return "its disk answers with errors (input/output error); everything known of it is "
		       "kept";
	default:
		return strerrordesc_np(-error) ? strerrordesc_np(-error) : "the folder cannot be opened";
	}
}

/** Another disk, unless the files that must be there are there. */
static bool is_foreign(const struct guard_evidence *e)
{
	return (e->is_other_device || e->is_other_mount) && e->anchors && e->answered * 2 < e->anchors;
}

struct guard_verdict guard_judge(const struct guard_evidence *e)
{
	const struct {
		bool holds;
		const char *state, *reason;
		bool may_scan;
	} rules[] = {
		{e->is_silent, "stuck",
		 "the folder does not answer (a hung disk or mount?); everything known of it is kept",
		 false},
		{e->is_own, "foreign",
		 "this is mediamon's own mount, which is not looked at; everything known of it is kept",
		 false},
		{e->error == -ENOENT || e->error == -ENOTDIR, "absent",
		 "the folder is not there (is its disk mounted?); everything known of it is kept", false},
		{e->error != 0, "unknown", e->error ? reason_of(e->error) : "", false},
		{e->marker_error == -ENOENT, "absent",
		 "the marker file is not in the folder (is its disk mounted?); everything known of it is "
		 "kept", false},
		{e->marker_error != 0, "unknown",
		 "the marker file in the folder cannot be looked at; everything known of it is kept",
		 false},
		{e->is_empty && e->has_files, "empty",
		 "the folder lists nothing though files are known of it (is its disk mounted?); "
		 "everything known of it is kept", false},
		{is_foreign(e), "foreign",
		 "another disk is at this path, without the files that are known of it; everything "
		 "known of it is kept, and nothing on this disk is looked at", false},
		{e->is_empty, "empty", "the folder is empty", true},
	};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].holds)
			return (struct guard_verdict){.state = rules[i].state, .reason = rules[i].reason,
						      .may_scan = rules[i].may_scan};
	return (struct guard_verdict){
		.state = "present", .reason = "", .may_forget = true, .may_scan = true,
	};
}

bool guard_brake(int64_t vanished, int64_t total, int64_t count, int64_t percent)
{
	if (!count && !percent)
		return false;
	return vanished > count && vanished * 100 > total * percent;
}

bool guard_room_moved(uint64_t was, uint64_t room, uint64_t size)
{
	uint64_t moved = was > room ? was - room : room - was, least = size / 1000;
	return moved > (least < ROOM_MOVED ? least : ROOM_MOVED);
}
