/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What holds a worker: it reads bytes that anybody may have written, so it can do nothing but read
 * what it was given and answer.
 *
 *   seccomp    an allow-list; what is not on it ends the process (SIGSYS).  On it:
 *                bytes     read, pread64, readv, preadv, lseek, close, dup, fstat, fadvise64,
 *                          readahead, fcntl (F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC)
 *                memory    brk, mmap and mprotect (never PROT_EXEC), munmap, mremap, madvise
 *                talk      recvmsg; sendto, write and writev to its results (no address) and standard error
 *                itself    futex, sched_yield, getrandom, clock_gettime, gettimeofday, time, getrusage,
 *                          getpid, gettid, rt_sigprocmask, rt_sigreturn, restart_syscall, exit, exit_group,
 *                          tgkill of itself with SIGABRT
 *              Libraries may ask for more in good faith: open, stat, access, readlink, ioctl and some
 *              questions about the machine answer an error.  newfstatat() is what the C library makes of
 *              fstat(): with an empty name it is answered as fstat, with another it is EACCES.
 *   Landlock   no path at all, no TCP, no abstract sockets, no signals out: as much as the kernel has
 *   limits     address space and data 512 MiB, stack 8 MiB, descriptors 64, nothing written, no core,
 *              no process, no locked memory
 *   and        no new privileges, not dumpable, an empty environment, no descriptor but its own
 *
 * A reader whose library loads something late (iconv, time zone, locale, dlopen) must have it loaded by
 * sandbox_warm().  With sanitizers, which need far more calls, all of it is off but the last row, and
 * that is told.
 */
#ifndef INDEXER_EXTRACT_SANDBOX_H
#define INDEXER_EXTRACT_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/live.h"

enum sandbox_mode {
	/** As much as the kernel has; what it lacks is told. */
	SANDBOX_AUTO,
	/** All of it, or no file is read. */
	SANDBOX_REQUIRED,
	SANDBOX_OFF,
};

enum {
	/** Address space of a worker, bytes. */
	SANDBOX_MEMORY = 512 << 20,
	SANDBOX_DESCRIPTORS = 64,
};

/** "auto", "required", "off"; -1. */
int sandbox_mode_of(const char *word);
const char *sandbox_mode_name(enum sandbox_mode mode);

/** What this kernel and this build have: bits of enum live_sandbox. */
uint64_t sandbox_offered(void);
/** What a mode asks for: LIVE_SANDBOX_SECCOMP, …_LANDLOCK, …_LIMITS; nothing. */
uint64_t sandbox_wanted(enum sandbox_mode mode);
/** Whether these bits are all that there is to hold a worker. */
bool sandbox_is_whole(uint64_t bits);

/** Makes libraries load what they load late, and the rules; before sandbox_enter().  @results: the descriptor that may be written to. */
void sandbox_warm(int results);

/** Whether the rules could be made. */
bool sandbox_is_ready(void);

/** The last row.  Descriptors above @results are closed. */
void sandbox_hide(int results);

/**
 * For good; after sandbox_hide().  @wanted: see sandbox_wanted().  One thread, called once.  Returns what holds now:
 * bits of enum live_sandbox.
 */
uint64_t sandbox_enter(uint64_t wanted);

#endif
