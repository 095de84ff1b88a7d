/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Log to standard error, one line an event, with systemd's "<N>" priority when standard error is
 * a journal or a pipe, plain on a terminal.  Control characters in arguments are escaped.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
	/** More than syslog knows; printed as debug. */
	LOG_LEVEL_TRACE = 8,
};

/** @name is put before each line; borrowed for ever.  Any thread. */
void log_init(const char *name);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/** "error" … "trace"; -1 for another word. */
int log_level_of(const char *word);
const char *log_level_name(enum log_level level);

void log_write(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
