/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The faults of faultfs, and the socket that switches them.
 *
 * CONTROL becomes a datagram socket.  Each datagram is one line and is answered by "ok N" (N requests hang at
 * this moment) or by "no":
 *
 *   hang on             every request waits, its caller with it; killed, the caller is in state D
 *   hang PATH           only requests about PATH, relative to the mount, and what is in it; it can be looked up,
 *                       because the kernel lets one lookup of a folder wait for another
 *   hang off            those that wait are answered
 *   half N | half P%    listings show one entry of N, or P of 100; the others can still be looked up
 *   hide N | hide P%    the others cannot be looked up either
 *   empty               listings show nothing, nothing can be looked up
 *   error OP ERRNO      OP: lookup, getattr, opendir, readdir, open, read, statfs or write (all that changes);
 *                       ERRNO: EIO, ESTALE, EACCES, ENOTCONN, ENOENT or none
 *   slow MS             every request waits that long
 *   none                no fault
 *   count               nothing changes
 */
#ifndef TESTS_LIB_FAULTS_H
#define TESTS_LIB_FAULTS_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	/** Of a path, and of a line of the socket. */
	LINE = 4096,
};

enum op {
	OP_LOOKUP,
	OP_GETATTR,
	OP_OPENDIR,
	OP_READDIR,
	OP_OPEN,
	OP_READ,
	OP_STATFS,
	OP_WRITE,
	OPS,
};

static const char *const op_names[OPS] = {
	[OP_LOOKUP] = "lookup",	  [OP_GETATTR] = "getattr", [OP_OPENDIR] = "opendir",
	[OP_READDIR] = "readdir", [OP_OPEN] = "open",	    [OP_READ] = "read",
	[OP_STATFS] = "statfs",	  [OP_WRITE] = "write",
};

static const struct {
	const char *name;
	int number;
} errors[] = {{"EIO", EIO},	      {"ESTALE", ESTALE}, {"EACCES", EACCES},
	      {"ENOTCONN", ENOTCONN}, {"ENOENT", ENOENT}, {"none", 0}};

struct faults {
	bool is_hung;
	/** What hangs, "" is all. */
	char hung[LINE];
	/** Of @of entries @shown are listed; 0 of 0: all. */
	unsigned shown, of;
	/** The others cannot be looked up. */
	bool is_hiding;
	int error[OPS];
	unsigned slow_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* lock protects both */
static struct faults now;
static unsigned hanging;

/* --- what they do to a request --- */

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);
	return n == 0 || (strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == '\0'));
}

/** Waits as long as the faults say; returns the error that is wanted, or 0. */
static int faults_pass(enum op op, const char *path)
{
	pthread_mutex_lock(&lock);
	unsigned slow_ms = now.slow_ms;
	pthread_mutex_unlock(&lock);
	if (slow_ms)
		usleep(slow_ms * 1000);
	pthread_mutex_lock(&lock);
	hanging++;
	while (now.is_hung && is_below(path, now.hung))
		pthread_cond_wait(&changed, &lock);
	hanging--;
	int error = now.error[op];
	pthread_mutex_unlock(&lock);
	return error;
}

static unsigned hash_of(const char *s)
{
	uint32_t h = 2166136261u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	/* the low bits of similar names are similar */
	h ^= h >> 15;
	h *= 2246822519u;
	return h ^ h >> 13;
}

/** Whether the entry is left out of a listing, or of the names that can be looked up. */
static bool faults_hide(const char *path, bool is_lookup)
{
	pthread_mutex_lock(&lock);
	unsigned shown = now.shown, of = now.of;
	bool is_hiding = now.is_hiding;
	pthread_mutex_unlock(&lock);
	return of && (is_hiding || !is_lookup) && hash_of(path) % of >= shown;
}

/* --- orders --- */

static bool set_error(struct faults *f, const char *op, const char *name)
{
	for (size_t i = 0; i < OPS; i++)
		for (size_t k = 0; k < sizeof errors / sizeof *errors; k++)
			if (strcmp(op, op_names[i]) == 0 && strcmp(name, errors[k].name) == 0) {
				f->error[i] = errors[k].number;
				return true;
			}
	return false;
}

/** "N": one of N; "P%": P of 100. */
static bool set_share(struct faults *f, const char *share, bool is_hiding)
{
	char *end;
	unsigned long n = strtoul(share, &end, 10);
	bool is_percent = strcmp(end, "%") == 0;
	if (end == share || (!is_percent && (*end || n == 0)) || (is_percent && n > 100))
		return false;
	f->shown = is_percent ? (unsigned)n : 1;
	f->of = is_percent ? 100 : (unsigned)n;
	f->is_hiding = is_hiding;
	return true;
}

static bool set_hang(struct faults *f, const char *where)
{
	f->is_hung = strcmp(where, "off") != 0;
	snprintf(f->hung, sizeof f->hung, "%s", strcmp(where, "on") == 0 ? "" : where);
	return true;
}

/** Changes @f as the line says. */
static bool take_line(struct faults *f, const char *line)
{
	char op[16], name[16];
	if (strcmp(line, "count") == 0)
		return true;
	if (strcmp(line, "none") == 0) {
		*f = (struct faults){0};
		return true;
	}
	if (strcmp(line, "empty") == 0)
		return set_share(f, "0%", true);
	if (strncmp(line, "hang ", 5) == 0)
		return set_hang(f, line + 5);
	if (strncmp(line, "half ", 5) == 0)
		return set_share(f, line + 5, false);
	if (strncmp(line, "hide ", 5) == 0)
		return set_share(f, line + 5, true);
	if (sscanf(line, "slow %u", &f->slow_ms) == 1)
		return true;
	return sscanf(line, "error %15s %15s", op, name) == 2 && set_error(f, op, name);
}

static int control_open(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ? -1 : fd;
}

/** A thread: @arg is the socket. */
static void *control_serve(void *arg)
{
	static char line[LINE];
	int fd = (int)(intptr_t)arg;
	for (;;) {
		struct sockaddr_un from;
		socklen_t len = sizeof from;
		char answer[32] = "no";
		ssize_t n = recvfrom(fd, line, sizeof line - 1, 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			return NULL;
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		pthread_mutex_lock(&lock);
		if (take_line(&now, line))
			snprintf(answer, sizeof answer, "ok %u", hanging);
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
		sendto(fd, answer, strlen(answer), 0, (struct sockaddr *)&from, len);
	}
}

#endif
