/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/filter.h>
#include <seccomp.h>

#include "common/cleanup.h"
#include "common/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

extern char **environ;

static const char *const modes[] = {"auto", "required", "off"};

int sandbox_mode_of(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		if (strcmp(modes[i], word) == 0)
			return (int)i;
	return -1;
}

const char *sandbox_mode_name(enum sandbox_mode mode)
{
	return modes[mode];
}

static const uint64_t all_parts = LIVE_SANDBOX_SECCOMP | LIVE_SANDBOX_LANDLOCK | LIVE_SANDBOX_LIMITS;

bool sandbox_is_whole(uint64_t bits)
{
	return (bits & all_parts) == all_parts;
}

uint64_t sandbox_wanted(enum sandbox_mode mode)
{
	return mode == SANDBOX_OFF ? 0 : all_parts;
}

/* --- Landlock: https://docs.kernel.org/userspace-api/landlock.html; the header of the system may be older --- */

struct landlock_rules {
	uint64_t files, net, scoped;
};

enum {
	CREATE_RULESET_VERSION = 1,
	CALL_CREATE_RULESET = 444,
	CALL_RESTRICT_SELF = 446,
};

static long landlock_version(void)
{
	return syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
}

/** Handles everything that the kernel's version can, and allows none of it. */
static bool enter_landlock(void)
{
	static const struct {
		long version;
		size_t size;
		struct landlock_rules adds;
	} steps[] = {
		{1, 8, {.files = (1 << 13) - 1}},
		{2, 8, {.files = 1 << 13}},
		{3, 8, {.files = 1 << 14}},
		{4, 16, {.net = 3}},
		{5, 16, {.files = 1 << 15}},
		{6, 24, {.scoped = 3}},
	};
	struct landlock_rules rules = {0};
	size_t size = 0;
	long version = landlock_version();
	for (size_t i = 0; i < COUNT_OF(steps) && steps[i].version <= version; i++) {
		size = steps[i].size;
		rules.files |= steps[i].adds.files;
		rules.net |= steps[i].adds.net;
		rules.scoped |= steps[i].adds.scoped;
	}
	if (!size)
		return false;
	_close_ int fd = (int)syscall(CALL_CREATE_RULESET, &rules, size, 0);
	return fd >= 0 && syscall(CALL_RESTRICT_SELF, fd, 0) == 0;
}

/* --- seccomp --- */

#if defined(__x86_64__) || defined(__aarch64__)
#define STAT_ACTION SCMP_ACT_TRAP

/** newfstatat(fd, "", …, AT_EMPTY_PATH) is fstat(fd, …), and any other is a question about a path. */
static void on_trap(int number, siginfo_t *info, void *context)
{
	mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
	greg_t *r = m->gregs;
	long long a[] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10]}, *answer = &r[REG_RAX];
#else
	unsigned long long *answer = &m->regs[0];
	long long a[] = {(long long)m->regs[0], (long long)m->regs[1], (long long)m->regs[2], (long long)m->regs[3]};
#endif
	int saved = errno;
	const char *path = (const char *)(uintptr_t)a[1];
	(void)number;
	long r_ = -EACCES;
	if (info->si_syscall == SYS_newfstatat && (a[3] & AT_EMPTY_PATH) && path && !*path)
		r_ = syscall(SYS_fstat, a[0], a[2]) < 0 ? -errno : 0;
	*answer = (__typeof__(*answer))r_;
	errno = saved;
}

static void catch_traps(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigaction(SIGSYS, &action, NULL);
}
#else
/* without the registers' names: any question about a path is refused, and fstat() with it where it is one */
#define STAT_ACTION SCMP_ACT_ERRNO(EACCES)
static void catch_traps(void)
{
}
#endif

struct rule {
	uint32_t action;
	int call;
	unsigned args;
	struct scmp_arg_cmp arg[2];
};

#define YES(name) {SCMP_ACT_ALLOW, SCMP_SYS(name), 0, {{0}}}
#define NO(name, error) {SCMP_ACT_ERRNO(error), SCMP_SYS(name), 0, {{0}}}
#define IF(name, ...) {SCMP_ACT_ALLOW, SCMP_SYS(name), 1, {__VA_ARGS__}}
#define IF_BOTH(name, ...) {SCMP_ACT_ALLOW, SCMP_SYS(name), 2, {__VA_ARGS__}}
#define ARG(n, value) {n, SCMP_CMP_EQ, (scmp_datum_t)(value), 0}
#define WITHOUT(n, bits) {n, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(bits), 0}

/** Rows whose system has no such call are passed over. */
static const struct rule rules[] = {
	/* bytes */
	YES(read), YES(pread64), YES(readv), YES(preadv), YES(lseek), YES(_llseek), YES(close), YES(dup),
	YES(fstat), YES(fstat64), YES(fadvise64), YES(readahead),
	IF(fcntl, ARG(1, F_GETFD)), IF(fcntl, ARG(1, F_SETFD)), IF(fcntl, ARG(1, F_GETFL)),
	IF(fcntl, ARG(1, F_DUPFD)), IF(fcntl, ARG(1, F_DUPFD_CLOEXEC)),
	/* memory */
	YES(brk), YES(munmap), YES(mremap), YES(madvise), IF(mmap, WITHOUT(2, PROT_EXEC)),
	IF(mmap2, WITHOUT(2, PROT_EXEC)), IF(mprotect, WITHOUT(2, PROT_EXEC)),
	/* talk; see also enter_seccomp() */
	YES(recvmsg), IF(write, ARG(0, STDERR_FILENO)), IF(writev, ARG(0, STDERR_FILENO)),
	/* itself */
	YES(futex), YES(sched_yield), YES(getrandom), YES(clock_gettime), YES(gettimeofday), YES(time),
	YES(getpid), YES(gettid), YES(getrusage), YES(rt_sigprocmask), YES(rt_sigreturn), YES(restart_syscall), YES(exit),
	YES(exit_group),
	/* asked for in good faith */
	NO(open, EACCES), NO(openat, EACCES), NO(openat2, EACCES), NO(access, EACCES), NO(faccessat, EACCES),
	NO(faccessat2, EACCES), NO(stat, EACCES), NO(lstat, EACCES), NO(statx, EACCES), NO(readlink, EACCES),
	NO(readlinkat, EACCES), NO(getcwd, EACCES), NO(ioctl, ENOTTY), NO(prctl, EPERM), NO(sysinfo, EPERM),
	NO(sched_getaffinity, EPERM), NO(prlimit64, EPERM), NO(getrlimit, EPERM), NO(rt_sigaction, EPERM),
	NO(sigaltstack, EPERM), NO(uname, EPERM),
	{STAT_ACTION, SCMP_SYS(newfstatat), 0, {{0}}},
};

static int add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
	int r = seccomp_rule_add_array(filter, rule->action, rule->call, rule->args, rule->arg);
	/* the same call under its other name, or none of that name */
	return r == -EDOM || r == -EEXIST || rule->call < 0 ? 0 : r;
}

/** Stands for the number of the process, which is known when it enters. */
static const uint32_t any_process = 0x7e57ab1e;
/** What the rules become, for many processes to enter. */
static struct sock_fprog program;

static int read_program(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct sock_filter *steps = size > 0 ? malloc((size_t)size) : NULL;
	if (!steps || pread(fd, steps, (size_t)size, 0) != size) {
		free(steps);
		return -EIO;
	}
	program = (struct sock_fprog){(unsigned short)((size_t)size / sizeof *steps), steps};
	return 0;
}

static int make_program(int results)
{
	const struct rule own[] = {
		IF(write, ARG(0, results)), IF(writev, ARG(0, results)),
		IF_BOTH(sendto, ARG(0, results), ARG(4, 0)),
		IF_BOTH(tgkill, ARG(0, any_process), ARG(2, SIGABRT)),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; i < COUNT_OF(rules) && r == 0; i++)
		r = add_rule(filter, &rules[i]);
	for (size_t i = 0; i < COUNT_OF(own) && r == 0; i++)
		r = add_rule(filter, &own[i]);
	_close_ int fd = memfd_create("rules", MFD_CLOEXEC);
	if (r == 0)
		r = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	seccomp_release(filter);
	return r == 0 ? read_program(fd) : r;
}

/** In the one place where it is compared. */
static bool name_process(uint32_t before, uint32_t now)
{
	int places = 0;
	for (int i = 0; i < program.len; i++)
		if (BPF_CLASS(program.filter[i].code) == BPF_JMP && program.filter[i].k == before) {
			program.filter[i].k = now;
			places++;
		}
	return places == 1;
}

static bool enter_seccomp(void)
{
	/* not now: who is held by limits can make none */
	if (!program.filter)
		return false;
	catch_traps();
	return name_process(any_process, (uint32_t)getpid()) &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

/* --- limits --- */

static bool enter_limits(void)
{
	static const struct {
		int what;
		rlim_t most;
	} limits[] = {
		{RLIMIT_AS, SANDBOX_MEMORY}, {RLIMIT_DATA, SANDBOX_MEMORY}, {RLIMIT_STACK, 8 << 20},
		{RLIMIT_NOFILE, SANDBOX_DESCRIPTORS}, {RLIMIT_FSIZE, 0}, {RLIMIT_CORE, 0}, {RLIMIT_NPROC, 0},
		{RLIMIT_MEMLOCK, 0},
	};
	bool all = true;
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct rlimit l;
		if (getrlimit((__rlimit_resource_t)limits[i].what, &l) < 0)
			l.rlim_max = RLIM_INFINITY;
		l.rlim_max = l.rlim_max < limits[i].most ? l.rlim_max : limits[i].most;
		l.rlim_cur = l.rlim_max;
		all &= setrlimit((__rlimit_resource_t)limits[i].what, &l) == 0;
	}
	/* a log that is a file may not grow by us: then its line is lost, not the worker */
	signal(SIGXFSZ, SIG_IGN);
	return all;
}

/** Also where the system shows it: /proc/PID/environ. */
static void empty_environment(void)
{
	for (char **e = environ; e && *e; e++)
		memset(*e, 0, strlen(*e));
	clearenv();
}

/** Standard error stays; standard input and output are nothing. */
static void close_descriptors(int results)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int fd = 0; fd < STDERR_FILENO && nothing >= 0; fd++)
		dup2(nothing, fd);
	close_range((unsigned)results + 1, ~0U, 0);
}

/* --- as a whole --- */

uint64_t sandbox_offered(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;
	if (SANITIZED)
		return LIVE_SANDBOX_SANITIZED;
	return LIVE_SANDBOX_LIMITS | (landlock_version() > 0 ? LIVE_SANDBOX_LANDLOCK : 0) |
	       (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? LIVE_SANDBOX_SECCOMP : 0);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(int));
}

void sandbox_warm(int results)
{
	/* what XML and tags are written in; never closed: a converter that is in use is not unloaded */
	static const char *const encodings[] = {
		"UTF-16", "UTF-16LE", "UTF-16BE", "ISO-8859-1", "ISO-8859-15", "WINDOWS-1252", "WINDOWS-1251",
		"SHIFT_JIS", "CP932", "EUC-JP", "GB18030", "BIG5", "EUC-KR",
	};
	char text[64];
	int numbers[1024] = {0};
	time_t now = time(NULL);
	struct tm tm;
	for (size_t i = 0; i < COUNT_OF(encodings); i++)
		if (iconv_open("UTF-8", encodings[i]) == (iconv_t)-1)
			log_debug("no converter from %s", encodings[i]);
	tzset();
	localtime_r(&now, &tm);
	strftime(text, sizeof text, "%A %B", &tm);
	snprintf(text, sizeof text, "%g %s", 0.1, strerror(EIO));
	/* asks how much memory there is, once */
	qsort(numbers, COUNT_OF(numbers), sizeof *numbers, compare);
	free(malloc(1 << 20));
	if (make_program(results) < 0)
		log_warning("no rules for readers could be made");
}

bool sandbox_is_ready(void)
{
	return program.filter != NULL;
}

void sandbox_hide(int results)
{
	close_descriptors(results);
	empty_environment();
	/* a working directory would keep its disk from being unmounted */
	if (chdir("/") < 0)
		log_debug("chdir: %s", strerror(errno));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

uint64_t sandbox_enter(uint64_t wanted)
{
	uint64_t bits = 0;
	if (SANITIZED || !wanted)
		return SANITIZED ? LIVE_SANDBOX_SANITIZED : LIVE_SANDBOX_OFF;
	if ((wanted & LIVE_SANDBOX_LIMITS) && enter_limits())
		bits |= LIVE_SANDBOX_LIMITS;
	if ((wanted & LIVE_SANDBOX_LANDLOCK) && enter_landlock())
		bits |= LIVE_SANDBOX_LANDLOCK;
	if ((wanted & LIVE_SANDBOX_SECCOMP) && enter_seccomp())
		bits |= LIVE_SANDBOX_SECCOMP;
	return bits;
}
