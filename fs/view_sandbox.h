/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What holds the processes that read files, in words. */
#ifndef FS_VIEW_SANDBOX_H
#define FS_VIEW_SANDBOX_H

#include <stdint.h>

#include "common/buf.h"

/** @bits of enum live_sandbox: "on (seccomp, Landlock, limits)", "off (by the configuration)". */
void sandbox_describe(uint64_t bits, struct buf *out);
/** A sentence and '\n' when it is less than a person would expect, else nothing. */
void sandbox_complain(uint64_t bits, struct buf *out);

#endif
