/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/render.h"

static _Atomic int current = LOG_LEVEL_INFO;
static const char *program = "mediamon";
static bool plain;

static const struct {
	const char *name;
	enum log_level level;
} levels[] = {
	{"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"info", LOG_LEVEL_INFO},
	{"debug", LOG_LEVEL_DEBUG}, {"trace", LOG_LEVEL_TRACE},
};

void log_init(const char *name)
{
	program = name;
	plain = isatty(STDERR_FILENO) == 1;
}

void log_set_level(enum log_level level)
{
	atomic_store(&current, level);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load(&current);
}

int log_level_of(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(levels); i++)
		if (strcmp(levels[i].name, word) == 0)
			return levels[i].level;
	return -1;
}

const char *log_level_name(enum log_level level)
{
	for (size_t i = 0; i < COUNT_OF(levels); i++)
		if (levels[i].level == level)
			return levels[i].name;
	return "?";
}

void log_write(enum log_level level, const char *format, ...)
{
	if ((int)level > atomic_load(&current))
		return;
	int saved = errno;
	_buf_ struct buf text = BUF_INIT(16384);
	_buf_ struct buf line = BUF_INIT(65536);
	va_list args;
	va_start(args, format);
	buf_addv(&text, format, args);
	va_end(args);
	if (!plain)
		buf_addf(&line, "<%d>", level > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG : (int)level);
	buf_addf(&line, "%s: ", program);
	text_escape(buf_str(&text), text.len, &line);
	buf_addc(&line, '\n');
	if (write(STDERR_FILENO, buf_str(&line), line.len) < 0) {
		/* nobody reads our log: nothing to be done about it */
	}
	errno = saved;
}
