/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ways out of a worker's sandbox: each is tried in a child that has entered the real one, and must end in
 * an error or in the child's death.  And what readers need must go on working.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "common/cleanup.h"
#include "indexer/extract/sandbox.h"

enum {
	RESULTS = 3,
	/** A file open for reading, given after the sandbox was entered. */
	GIVEN = 10,
	/** Exit statuses of a child. */
	REFUSED = 0,
	ESCAPED = 17,
	NOT_READY = 18,
};

static char victim[] = "/tmp/mediamon-victim.XXXXXX";
static pid_t parent;

/* --- what is tried: true when it went through --- */

#define TRY(name, ...) \
	static bool try_##name(void) \
	{ \
		__VA_ARGS__ \
	}
#define CALL(name, ...) TRY(name, return syscall(__VA_ARGS__) >= 0;)

CALL(openat, SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY)
CALL(openat_write, SYS_openat, AT_FDCWD, victim, O_WRONLY)
CALL(openat_create, SYS_openat, AT_FDCWD, "/tmp/mediamon-escaped", O_WRONLY | O_CREAT, 0600)
CALL(openat_below_descriptor, SYS_openat, GIVEN, "", O_WRONLY)
CALL(execve, SYS_execve, "/bin/true", NULL, NULL)
CALL(execveat, SYS_execveat, GIVEN, "", NULL, NULL, AT_EMPTY_PATH)
CALL(socket_tcp, SYS_socket, AF_INET, SOCK_STREAM, 0)
CALL(socket_udp, SYS_socket, AF_INET6, SOCK_DGRAM, 0)
CALL(socket_unix, SYS_socket, AF_UNIX, SOCK_STREAM, 0)
CALL(socket_netlink, SYS_socket, AF_NETLINK, SOCK_RAW, 0)
CALL(socketpair, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (int[2]){0})
CALL(connect, SYS_connect, RESULTS, &(struct sockaddr_un){.sun_family = AF_UNIX}, 2)
CALL(bind, SYS_bind, RESULTS, &(struct sockaddr_un){.sun_family = AF_UNIX}, 2)
CALL(accept, SYS_accept4, RESULTS, NULL, NULL, 0)
CALL(sendto_address, SYS_sendto, RESULTS, "x", 1, 0, &(struct sockaddr_in){.sin_family = AF_INET}, sizeof(struct sockaddr_in))
CALL(sendmsg, SYS_sendmsg, RESULTS, &(struct msghdr){0}, 0)
CALL(ptrace_me, SYS_ptrace, PTRACE_TRACEME, 0, 0, 0)
CALL(ptrace_parent, SYS_ptrace, PTRACE_ATTACH, parent, 0, 0)
CALL(vm_read, SYS_process_vm_readv, parent, NULL, 0, NULL, 0, 0)
CALL(vm_write, SYS_process_vm_writev, parent, NULL, 0, NULL, 0, 0)
CALL(kill_parent, SYS_kill, parent, SIGUSR1)
CALL(kill_all, SYS_kill, -1, 0)
CALL(tgkill_parent, SYS_tgkill, parent, parent, SIGABRT)
CALL(tgkill_self_other, SYS_tgkill, getpid(), getpid(), SIGUSR1)
CALL(pidfd_open, SYS_pidfd_open, parent, 0)
CALL(fork, SYS_clone, SIGCHLD, 0, 0, 0, 0)
CALL(vfork, SYS_clone, SIGCHLD | 0x4000 | 0x100, 0, 0, 0, 0)
CALL(clone3, SYS_clone3, NULL, 0)
CALL(unshare, SYS_unshare, 0x10000000)
CALL(setns, SYS_setns, GIVEN, 0)
CALL(chroot, SYS_chroot, "/")
CALL(chdir, SYS_chdir, "/tmp")
CALL(mount, SYS_mount, "none", "/mnt", "tmpfs", 0, NULL)
CALL(umount, SYS_umount2, "/proc", 0)
CALL(setuid, SYS_setuid, 0)
CALL(capset, SYS_capset, NULL, NULL)
CALL(write_given, SYS_write, GIVEN, "x", 1)
CALL(pwrite_given, SYS_pwrite64, GIVEN, "x", 1, 0)
CALL(ftruncate_given, SYS_ftruncate, GIVEN, 0)
CALL(fallocate_given, SYS_fallocate, GIVEN, 0, 0, 4096)
CALL(fchmod_given, SYS_fchmod, GIVEN, 0777)
CALL(fchown_given, SYS_fchown, GIVEN, 1, 1)
CALL(futimens_given, SYS_utimensat, GIVEN, NULL, NULL, 0)
CALL(fsetxattr_given, SYS_fsetxattr, GIVEN, "user.x", "y", 1, 0)
CALL(sendfile, SYS_sendfile, RESULTS, GIVEN, NULL, 1)
CALL(splice, SYS_splice, GIVEN, NULL, RESULTS, NULL, 1, 0)
CALL(copy_file_range, SYS_copy_file_range, GIVEN, NULL, RESULTS, NULL, 1, 0)
CALL(fcntl_setfl, SYS_fcntl, GIVEN, F_SETFL, O_APPEND)
CALL(fcntl_lock, SYS_fcntl, GIVEN, F_SETLK, &(struct flock){.l_type = F_RDLCK})
CALL(fcntl_owner, SYS_fcntl, RESULTS, F_SETOWN, parent)
CALL(flock, SYS_flock, GIVEN, 1)
CALL(ioctl_given, SYS_ioctl, GIVEN, FIONREAD, &(int){0})
CALL(ioctl_terminal, SYS_ioctl, STDERR_FILENO, TIOCSTI, "x")
CALL(unlink, SYS_unlinkat, AT_FDCWD, victim, 0)
CALL(rename, SYS_renameat2, AT_FDCWD, victim, AT_FDCWD, "/tmp/mediamon-escaped", 0)
CALL(link, SYS_linkat, AT_FDCWD, victim, AT_FDCWD, "/tmp/mediamon-escaped", 0)
CALL(symlink, SYS_symlinkat, "/", AT_FDCWD, "/tmp/mediamon-escaped")
CALL(mkdir, SYS_mkdirat, AT_FDCWD, "/tmp/mediamon-escaped", 0700)
CALL(mknod, SYS_mknodat, AT_FDCWD, "/tmp/mediamon-escaped", S_IFREG | 0600, 0)
CALL(statx, SYS_statx, AT_FDCWD, victim, 0, 0, NULL)
CALL(stat_path, SYS_newfstatat, AT_FDCWD, victim, &(struct stat){0}, AT_EMPTY_PATH)
CALL(readlink, SYS_readlinkat, AT_FDCWD, "/proc/self/exe", (char[64]){0}, 64)
CALL(getdents, SYS_getdents64, GIVEN, (char[64]){0}, 64)
CALL(inotify, SYS_inotify_init1, 0)
CALL(fanotify, SYS_fanotify_init, 0, 0)
CALL(memfd, SYS_memfd_create, "x", 0)
CALL(memfd_secret, 447, 0)
CALL(userfaultfd, SYS_userfaultfd, 0)
CALL(eventfd, SYS_eventfd2, 0, 0)
CALL(pipe, SYS_pipe2, (int[2]){0}, 0)
CALL(shmget, SYS_shmget, IPC_PRIVATE, 4096, 0600)
CALL(prctl_dumpable, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
CALL(prctl_name, SYS_prctl, PR_SET_NAME, "x", 0, 0, 0)
CALL(seccomp, SYS_seccomp, 0, 0, NULL)
CALL(prlimit, SYS_prlimit64, 0, RLIMIT_AS, &(struct rlimit){1 << 30, 1 << 30}, NULL)
CALL(setrlimit, SYS_setrlimit, RLIMIT_CORE, &(struct rlimit){1, 1})
CALL(io_uring, 425, 8, (char[256]){0})
CALL(bpf, SYS_bpf, 0, NULL, 0)
CALL(perf, SYS_perf_event_open, NULL, 0, -1, -1, 0)
CALL(keyctl, SYS_keyctl, 0, -1, 0)
CALL(init_module, SYS_init_module, NULL, 0, "")
CALL(personality, SYS_personality, 0x0040000)
CALL(setitimer, SYS_setitimer, 0, NULL, NULL)
CALL(nice, SYS_setpriority, PRIO_PROCESS, 0, 5)
CALL(affinity, SYS_sched_setaffinity, 0, sizeof(long), &(long){1})
CALL(sigaction, SYS_rt_sigaction, SIGTERM, NULL, NULL, 8)
CALL(reboot, SYS_reboot, 0, 0, 0, NULL)
CALL(settime, SYS_clock_settime, CLOCK_REALTIME, &(struct timespec){0})
CALL(mprotect_exec, SYS_mprotect, (uintptr_t)&parent & ~4095UL, 4096, PROT_READ | PROT_EXEC)
TRY(mmap_exec, return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;)
TRY(mmap_exec_file, return mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE, GIVEN, 0) != MAP_FAILED;)
TRY(mmap_write_given, return mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, GIVEN, 0) != MAP_FAILED;)
TRY(memory, return mmap(NULL, (size_t)600 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;)
/* volatile: a compiler may leave out what nobody uses */
static void *volatile kept;
TRY(memory_in_parts, for (int i = 0; i < 600; i++) if (!(kept = malloc(1 << 20))) return false; return true;)
TRY(own_memory_file, int fd = open("/proc/self/mem", O_RDWR); return fd >= 0;)
TRY(environment, return getenv("MEDIAMON_SECRET") || (environ && *environ);)
TRY(hidden, return prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;)
TRY(descriptors, for (int i = 0; i < 1000; i++) if (dup(GIVEN) < 0) return false; return true;)
TRY(inherited, char c; return read(RESULTS + 1, &c, 1) >= 0 || read(RESULTS + 2, &c, 1) >= 0;)
TRY(terminal, char c; return read(STDIN_FILENO, &c, 1) > 0;)
TRY(fifth_stack, volatile char *p = (volatile char *)__builtin_frame_address(0); for (int i = 0; i < 9 << 20; i += 4096) p[-i] = 1; return true;)
#if defined(__x86_64__)
/* numbers of another ABI */
CALL(x32_open, 0x40000000 | SYS_open, "/etc/passwd", O_RDONLY)
TRY(i386_getpid, long r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory"); return r > 0;)
#endif

#define ESCAPES(E) \
	E(openat) E(openat_write) E(openat_create) E(openat_below_descriptor) E(execve) E(execveat) E(socket_tcp) \
	E(socket_udp) E(socket_unix) E(socket_netlink) E(socketpair) E(connect) E(bind) E(accept) E(sendto_address) \
	E(sendmsg) E(ptrace_me) E(ptrace_parent) E(vm_read) E(vm_write) E(kill_parent) E(kill_all) E(tgkill_parent) \
	E(tgkill_self_other) E(pidfd_open) E(fork) E(vfork) E(clone3) E(unshare) E(setns) E(chroot) E(chdir) E(mount) \
	E(umount) E(setuid) E(capset) E(write_given) E(pwrite_given) E(ftruncate_given) E(fallocate_given) \
	E(fchmod_given) E(fchown_given) E(futimens_given) E(fsetxattr_given) E(sendfile) E(splice) E(copy_file_range) \
	E(fcntl_setfl) E(fcntl_lock) E(fcntl_owner) E(flock) E(ioctl_given) E(ioctl_terminal) E(unlink) E(rename) \
	E(link) E(symlink) E(mkdir) E(mknod) E(statx) E(stat_path) E(readlink) E(getdents) E(inotify) E(fanotify) \
	E(memfd) E(memfd_secret) E(userfaultfd) E(eventfd) E(pipe) E(shmget) E(prctl_dumpable) E(prctl_name) \
	E(seccomp) E(prlimit) E(setrlimit) E(io_uring) E(bpf) E(perf) E(keyctl) E(init_module) E(personality) \
	E(setitimer) E(nice) E(affinity) E(sigaction) E(reboot) E(settime) E(mprotect_exec) E(mmap_exec) \
	E(mmap_exec_file) E(mmap_write_given) E(memory) E(memory_in_parts) E(own_memory_file) E(environment) \
	E(descriptors) E(inherited) E(terminal) E(fifth_stack)

static const struct attempt {
	const char *name;
	bool (*try)(void);
} escapes[] = {
#define E(name) {#name, try_##name},
	ESCAPES(E)
#if defined(__x86_64__)
	E(x32_open) E(i386_getpid)
#endif
#undef E
};

/* --- in the sandbox --- */

static const uint64_t ALL = LIVE_SANDBOX_SECCOMP | LIVE_SANDBOX_LANDLOCK | LIVE_SANDBOX_LIMITS;

static bool enter(uint64_t parts)
{
	sandbox_hide(RESULTS);
	return sandbox_enter(parts) == (parts ? parts : LIVE_SANDBOX_OFF);
}

/** The status of a child that has entered and tried. */
static int status_of(uint64_t parts, bool (*try)(void))
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* those of the test program: a child that dies shall not go on with the tests */
		static const int deaths[] = {SIGSEGV, SIGBUS, SIGSYS, SIGILL, SIGFPE, SIGABRT};
		for (size_t i = 0; i < COUNT_OF(deaths); i++)
			signal(deaths[i], SIG_DFL);
		/* numbers as in a worker; the file would come later through the socket */
		_close_ int file = fcntl(open(victim, O_RDONLY), F_DUPFD, 20);
		dup2(pair[1], RESULTS);
		dup2(pair[1], RESULTS + 1);
		setenv("MEDIAMON_SECRET", "x", 1);
		sandbox_warm(RESULTS);
		close_range(RESULTS + 2, 19, 0);
		/* all above the socket is closed: the file goes below it and comes back */
		dup2(file, STDERR_FILENO);
		bool ready = enter(parts);
		if (fcntl(STDERR_FILENO, F_DUPFD, GIVEN) != GIVEN)
			ready = false;
		_exit(!ready ? NOT_READY : try() ? ESCAPED : REFUSED);
	}
	int status = 0;
	close(pair[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(pair[0]);
	return status;
}

static bool is_held(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV
				   : WEXITSTATUS(status) == REFUSED;
}

static void test_every_way_out_ends_in_an_error_or_in_death(void **state)
{
	(void)state;
	struct stat before, after;
	assert_int_equal(stat(victim, &before), 0);
	int bad = 0;
	for (size_t i = 0; i < COUNT_OF(escapes); i++) {
		int status = status_of(ALL, escapes[i].try);
		if (is_held(status))
			continue;
		bad++;
		print_error("%s: status %#x\n", escapes[i].name, (unsigned)status);
	}
	assert_int_equal(bad, 0);
	assert_int_equal(stat(victim, &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mode, after.st_mode);
	assert_int_equal(access("/tmp/mediamon-escaped", F_OK), -1);
}

/** Without the sandbox these work: what is tried above is not refused for another reason. */
static void test_without_a_sandbox_the_ways_are_open(void **state)
{
	static bool (*const open_ways[])(void) = {
		try_openat, try_socket_udp, try_fork, try_mmap_exec, try_memory, try_stat_path, try_pipe, try_memfd,
		try_descriptors, try_fcntl_setfl, try_prctl_name, try_eventfd,
		try_ioctl_given,
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(open_ways); i++) {
		int status = status_of(0, open_ways[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), ESCAPED);
	}
}

static void check_part(uint64_t part, bool (*const *ways)(void), size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int open = status_of(0, ways[i]), held = status_of(part, ways[i]);
		if (!WIFEXITED(open) || WEXITSTATUS(open) != ESCAPED || !is_held(held))
			fail_msg("part %llu, way %zu: %#x without, %#x with it", (unsigned long long)part, i,
				 (unsigned)open, (unsigned)held);
	}
}

/** One part alone holds what is its to hold: the others may fail. */
static void test_each_part_holds_by_itself(void **state)
{
	static bool (*const paths[])(void) = {try_openat, try_openat_write, try_openat_create};
	static bool (*const calls[])(void) = {try_openat, try_fork, try_socket_udp, try_socketpair, try_mmap_exec,
					      try_kill_parent, try_prctl_name, try_memfd};
	static bool (*const amounts[])(void) = {try_memory, try_memory_in_parts, try_descriptors};
	(void)state;
	check_part(LIVE_SANDBOX_LANDLOCK, paths, COUNT_OF(paths));
	check_part(LIVE_SANDBOX_SECCOMP, calls, COUNT_OF(calls));
	check_part(LIVE_SANDBOX_LIMITS, amounts, COUNT_OF(amounts));
	unlink("/tmp/mediamon-escaped");
}

/* --- what a reader needs --- */

static bool reads(void)
{
	char bytes[4];
	struct stat st = {0};
	void *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, GIVEN, 0);
	return pread(GIVEN, bytes, 4, 0) == 4 && lseek(GIVEN, 0, SEEK_END) == 6 && fstat(GIVEN, &st) == 0 &&
	       st.st_size == 6 && map != MAP_FAILED && *(char *)map == 'v' &&
	       posix_fadvise(GIVEN, 0, 0, POSIX_FADV_RANDOM) == 0;
}

static bool uses_stdio(void)
{
	char line[16] = "";
	FILE *f = fdopen(dup(GIVEN), "r");
	return f && fgets(line, sizeof line, f) && strcmp(line, "victim") == 0 && fclose(f) == 0;
}

static bool converts(void)
{
	char in[] = "\x93\xfa", out[8] = "", *from = in, *to = out;
	size_t n = 2, room = sizeof out;
	iconv_t c = iconv_open("UTF-8", "SHIFT_JIS");
	return c != (iconv_t)-1 && iconv(c, &from, &n, &to, &room) == 0 && strcmp(out, "\u65e5") == 0;
}

static bool computes(void)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[64];
	int numbers[5000];
	void *big = malloc(64 << 20);
	for (int i = 0; i < 5000; i++)
		numbers[i] = i;
	big = big ? realloc(big, 96 << 20) : NULL;
	free(big);
	snprintf(text, sizeof text, "%.3f %s", 1.5, strerror(EBADMSG));
	return big && localtime_r(&now, &tm) && numbers[4999] && *text;
}

static bool answers(void)
{
	return send(RESULTS, "x", 1, MSG_NOSIGNAL) == 1 && write(RESULTS, "x", 1) == 1;
}

static bool aborts(void)
{
	abort();
}

static void test_what_a_reader_needs_goes_on(void **state)
{
	static bool (*const needs[])(void) = {reads, uses_stdio, converts, computes, answers};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(needs); i++) {
		int status = status_of(ALL, needs[i]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != ESCAPED)
			fail_msg("need %zu: status %#x", i, (unsigned)status);
	}
	int hidden = status_of(LIVE_SANDBOX_LIMITS, try_hidden);
	assert_true(WIFEXITED(hidden) && WEXITSTATUS(hidden) == ESCAPED);
	/* an assertion of a library is told from what the sandbox forbids */
	int status = status_of(ALL, aborts);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_words(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(sandbox_mode_of(sandbox_mode_name((enum sandbox_mode)i)), i);
	assert_int_equal(sandbox_mode_of("on"), -1);
	assert_false(sandbox_is_whole(LIVE_SANDBOX_SECCOMP | LIVE_SANDBOX_LIMITS));
	assert_false(sandbox_is_whole(LIVE_SANDBOX_OFF));
	assert_true(UNIT_SANITIZED ? sandbox_offered() == LIVE_SANDBOX_SANITIZED : sandbox_offered() & LIVE_SANDBOX_LIMITS);
}

static int make_victim(void **state)
{
	(void)state;
	_close_ int fd = mkstemp(victim);
	parent = getpid();
	signal(SIGUSR1, SIG_IGN);
	return fd >= 0 && write(fd, "victim", 6) == 6 ? 0 : -1;
}

static int remove_victim(void **state)
{
	(void)state;
	return unlink(victim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_without_a_sandbox_the_ways_are_open),
		cmocka_unit_test(test_what_a_reader_needs_goes_on),
		cmocka_unit_test(test_each_part_holds_by_itself),
		cmocka_unit_test(test_every_way_out_ends_in_an_error_or_in_death),
	};
	/* sanitizers need what the sandbox forbids: there is none in such a build, and it says so */
	size_t n = UNIT_SANITIZED ? 1 : COUNT_OF(tests);
	if (!UNIT_SANITIZED && !sandbox_is_whole(sandbox_offered())) {
		print_message("this kernel has no seccomp or no Landlock: only its words are tested\n");
		n = 1;
	}
	return _cmocka_run_group_tests("sandbox", tests, n, make_victim, remove_victim);
}
