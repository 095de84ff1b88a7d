/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What `mediamon status` tells: the same answers as the documents of status/, in one screen or one document. */
#ifndef FS_STATUS_SCREEN_H
#define FS_STATUS_SCREEN_H

#include "fs/screen.h"
#include "fs/view.h"

/** How all is: what the command's exit status says. */
enum status_verdict {
	STATUS_OK = 0,
	STATUS_DEGRADED = 1,
	STATUS_FAILED = 2,
};

enum status_verdict status_draw(struct view *v, struct screen *s);
/** Appends a JSON document.  0 or -errno. */
int status_json(struct view *v, struct buf *out, enum status_verdict *verdict);
/** Whether jobs have ended, and none runs or waits. */
bool status_is_idle(struct view *v);

#endif
