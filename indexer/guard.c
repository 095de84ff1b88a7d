/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/guard.h"

#include <errno.h>
#include <string.h>

struct guard_verdict guard_judge(const struct guard_evidence *e)
{
	if (e->is_silent)
		return (struct guard_verdict){
			.state = "stuck",
			.reason = "the folder does not answer (a hung disk or mount?); everything "
				  "known of it is kept",
		};
	if (e->error == -ENOENT || e->error == -ENOTDIR)
		return (struct guard_verdict){
			.state = "absent",
			.reason = "the folder is not there (is its disk mounted?); everything known "
				  "of it is kept",
		};
	if (e->error)
		return (struct guard_verdict){
			.state = "unknown",
			.reason = strerrordesc_np(-e->error) ? strerrordesc_np(-e->error)
							     : "the folder cannot be opened",
		};
	if (e->is_empty && e->has_files)
		return (struct guard_verdict){
			.state = "empty",
			.reason = "the folder lists nothing though files are known of it (is its disk "
				  "mounted?); everything known of it is kept",
		};
	if (e->is_empty)
		return (struct guard_verdict){
			.state = "empty",
			.reason = "the folder is empty",
			.may_scan = true,
		};
	return (struct guard_verdict){
		.state = "present", .reason = "", .may_forget = true, .may_scan = true,
	};
}
