/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Files of lines that grow and are rotated: NAME, NAME.1 (the one before), NAME.2… */
#ifndef COMMON_APPEND_H
#define COMMON_APPEND_H

#include <stddef.h>
#include <stdint.h>

/**
 * Appends @n bytes of whole lines.  A file that would grow beyond @most bytes is renamed before, and @keep of
 * those are kept.  What could not be written whole is taken back.  0 or -errno.
 */
int append_lines(const char *path, const char *lines, size_t n, int64_t most, int keep);

#endif
