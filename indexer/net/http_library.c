/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcurl is loaded when somebody first wants to call: half of all libraries of this program come with it
 * (TLS, Kerberos, LDAP, SSH: 28 of 54 on Debian 12), and every process that only reads files or lists
 * folders would load them too.  It is called by its own names, as declared in its headers, which are defined here.
 */
#define CURL_DISABLE_TYPECHECK
#include "indexer/net/http_private.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"

/* clang-format off */
/*   what it returns, name, parameters, arguments */
#define CALLS(C) \
	C(CURLcode, curl_global_init, (long flags), (flags)) \
	C(CURL *, curl_easy_init, (void), ()) \
	C(CURLM *, curl_multi_init, (void), ()) \
	C(CURLMcode, curl_multi_cleanup, (CURLM *m), (m)) \
	C(CURLMcode, curl_multi_add_handle, (CURLM *m, CURL *easy), (m, easy)) \
	C(CURLMcode, curl_multi_remove_handle, (CURLM *m, CURL *easy), (m, easy)) \
	C(CURLMcode, curl_multi_perform, (CURLM *m, int *running), (m, running)) \
	C(CURLMcode, curl_multi_poll, (CURLM *m, struct curl_waitfd *fds, unsigned n, int ms, int *count), (m, fds, n, ms, count)) \
	C(CURLMcode, curl_multi_wakeup, (CURLM *m), (m)) \
	C(CURLMsg *, curl_multi_info_read, (CURLM *m, int *left), (m, left)) \
	C(struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *text), (list, text)) \
	C(curl_mime *, curl_mime_init, (CURL *easy), (easy)) \
	C(curl_mimepart *, curl_mime_addpart, (curl_mime *mime), (mime)) \
	C(CURLcode, curl_mime_name, (curl_mimepart *part, const char *name), (part, name)) \
	C(CURLcode, curl_mime_filename, (curl_mimepart *part, const char *name), (part, name)) \
	C(CURLcode, curl_mime_type, (curl_mimepart *part, const char *type), (part, type)) \
	C(CURLcode, curl_mime_data, (curl_mimepart *part, const char *data, size_t n), (part, data, n)) \
	C(time_t, curl_getdate, (const char *text, const time_t *unused), (text, unused))
#define ENDS(C) \
	C(curl_global_cleanup, (void), ()) \
	C(curl_easy_cleanup, (CURL *easy), (easy)) \
	C(curl_slist_free_all, (struct curl_slist *list), (list)) \
	C(curl_mime_free, (curl_mime *mime), (mime))
/* the last argument is what the option says */
#define OPTIONS(C) \
	C(CURLcode, curl_easy_setopt, CURL, CURLoption) \
	C(CURLMcode, curl_multi_setopt, CURLM, CURLMoption)
#define ANSWERS(C) C(CURLcode, curl_easy_getinfo, CURL, CURLINFO)
/* clang-format on */

#undef curl_easy_setopt
#undef curl_multi_setopt
#undef curl_easy_getinfo

static struct {
#define FIELD(type, name, ...) __typeof__(&name) name;
#define END_FIELD(name, ...) __typeof__(&name) name;
	CALLS(FIELD) ENDS(END_FIELD) OPTIONS(FIELD) ANSWERS(FIELD)
} curl;

#define CALL(type, name, params, args) \
	type name params \
	{ \
		return curl.name args; \
	}
CALLS(CALL)

#define END(name, params, args) \
	void name params \
	{ \
		curl.name args; \
	}
ENDS(END)

#define IS_OF(option, first) ((int)(option) / 10000 == (first) / 10000)
#define SET_OPTION(type, name, handle, options) \
	type name(handle *h, options option, ...) \
	{ \
		va_list args; \
		va_start(args, option); \
		type r = IS_OF(option, CURLOPTTYPE_LONG)    ? curl.name(h, option, va_arg(args, long)) \
			 : IS_OF(option, CURLOPTTYPE_OFF_T) ? curl.name(h, option, va_arg(args, curl_off_t)) \
							    : curl.name(h, option, va_arg(args, void *)); \
		va_end(args); \
		return r; \
	}
OPTIONS(SET_OPTION)

#define ASK(type, name, handle, options) \
	type name(handle *h, options option, ...) \
	{ \
		va_list args; \
		va_start(args, option); \
		type r = curl.name(h, option, va_arg(args, void *)); \
		va_end(args); \
		return r; \
	}
ANSWERS(ASK)

/* --- loading --- */

static const struct {
	const char *name;
	/** Of a function: POSIX lets it be kept as what dlsym() returns. */
	void *at;
} calls[] = {
#define ROW(type, name, ...) {#name, &curl.name},
#define END_ROW(name, ...) {#name, &curl.name},
	CALLS(ROW) ENDS(END_ROW) OPTIONS(ROW) ANSWERS(ROW)
};

static int result;

/** All of it or nothing: what lacks a function is not called. */
static int load_from(const char *name)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	int r = library ? 0 : -ELIBACC;
	for (size_t i = 0; i < COUNT_OF(calls) && r == 0; i++) {
		void *function = dlsym(library, calls[i].name);
		memcpy(calls[i].at, &function, sizeof function);
		r = function ? 0 : -ELIBBAD;
	}
	if (r < 0)
		log_error("nothing is asked of the network with %s: %s", name, dlerror());
	return r;
}

/** It is never closed: what it loads keeps threads and handlers. */
static void load(void)
{
	/* with OpenSSL, or as some systems have it */
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
	result = -ELIBACC;
	for (size_t i = 0; i < COUNT_OF(names) && result < 0; i++)
		result = load_from(names[i]);
}

int http_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	return result;
}
