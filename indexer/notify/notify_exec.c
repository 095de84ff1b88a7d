/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A program of the user's with the notices as JSON on its standard input. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/notify/hook.h"
#include "indexer/notify/post.h"

enum { DEADLINE_MS = 30000 };

struct exec {
	/** Borrowed of the config. */
	const char *program;
	/** NULL: the real time. */
	struct net *net;
	/** Readable when running programs shall end. */
	int stop;
};

static int exec_open(const struct outside *o, void **state, char *why)
{
	const char *program = config_text(o->config, OPT_hook_exec);
	*state = NULL;
	if (!program[0])
		return 0;
	if (program[0] != '/') {
		snprintf(why, WHY, "hook.exec = \"%.150s\": not an absolute path", program);
		return -EINVAL;
	}
	struct exec *e = calloc(1, sizeof *e);
	if (!e)
		return -ENOMEM;
	*e = (struct exec){.program = program, .net = o->net, .stop = eventfd(0, EFD_CLOEXEC)};
	if (e->stop < 0) {
		int r = -errno;
		free(e);
		return r;
	}
	*state = e;
	return 0;
}

static void exec_close(void *state)
{
	struct exec *e = state;
	close(e->stop);
	free(e);
}

static int exec_send(void *state, const struct notice *const *notices, size_t n, int64_t *at,
		     char *why)
{
	const struct exec *e = state;
	char end[WHY] = "";
	(void)at;
	_buf_ struct buf json = BUF_INIT(POST_MOST);
	post_message(notices, n, e->net ? net_now(e->net) : now_ns(), &json);
	buf_addc(&json, '\n');
	if (buf_error(&json))
		return buf_error(&json);
	int r = hook_run(e->program, json.data, json.len, DEADLINE_MS, e->stop, end);
	if (r == 0)
		log_debug("%s: %s", e->program, end);
	snprintf(why, WHY, "%.80s %.160s", e->program, end);
	return r;
}

static void exec_cancel(void *state)
{
	const struct exec *e = state;
	eventfd_write(e->stop, 1);
}

const struct notifier notifier_exec = {
	.name = "exec",
	.open = exec_open,
	.close = exec_close,
	.send = exec_send,
	.cancel = exec_cancel,
};
