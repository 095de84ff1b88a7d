/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What holds the processes that read files, in words. */
#include "fs/view_sandbox.h"

#include "common/cleanup.h"
#include "common/live.h"

static const struct {
	uint64_t bit;
	const char *name;
} parts[] = {
	{LIVE_SANDBOX_SECCOMP, "seccomp"},
	{LIVE_SANDBOX_LANDLOCK, "Landlock"},
	{LIVE_SANDBOX_LIMITS, "limits"},
};

static void list(uint64_t bits, struct buf *out)
{
	const char *between = "";
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (bits & parts[i].bit) {
			buf_addf(out, "%s%s", between, parts[i].name);
			between = ", ";
		}
}

static uint64_t lacking(uint64_t bits)
{
	uint64_t lacks = 0;
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		lacks |= ~bits & parts[i].bit;
	return lacks;
}

void sandbox_describe(uint64_t bits, struct buf *out)
{
	if (!(bits & LIVE_SANDBOX_KNOWN)) {
		buf_adds(out, "not known yet (no worker has started)");
	} else if (bits & (LIVE_SANDBOX_OFF | LIVE_SANDBOX_SANITIZED)) {
		buf_addf(out, "off (%s)", bits & LIVE_SANDBOX_OFF ? "by the configuration" : "built with a sanitizer");
	} else if (lacking(bits)) {
		buf_adds(out, "in part (without ");
		list(lacking(bits), out);
		buf_addc(out, ')');
	} else {
		buf_adds(out, "on (");
		list(bits, out);
		buf_addc(out, ')');
	}
}

void sandbox_complain(uint64_t bits, struct buf *out)
{
	if (!(bits & LIVE_SANDBOX_KNOWN))
		return;
	if (bits & LIVE_SANDBOX_REFUSED) {
		buf_adds(out, "no file is read: sandbox = \"required\", and it is ");
		sandbox_describe(bits & ~(uint64_t)LIVE_SANDBOX_REFUSED, out);
		buf_addc(out, '\n');
	} else if (!(bits & (LIVE_SANDBOX_OFF | LIVE_SANDBOX_SANITIZED)) && lacking(bits)) {
		buf_adds(out, "this system has no ");
		list(lacking(bits), out);
		buf_adds(out, ": the processes that read files are held less tightly\n");
	}
}
