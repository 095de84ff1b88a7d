/* SPDX-License-Identifier: GPL-3.0-or-later */
/** SHA-256 (FIPS 180-4), for the hashes by which a page names its own style and script to the browser.  Pure. */
#ifndef FS_SHA256_H
#define FS_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32 };

void sha256(const void *data, size_t n, uint8_t digest[SHA256_BYTES]);

#endif
