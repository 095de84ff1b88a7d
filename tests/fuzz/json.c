/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON from outside: every question may be asked of every value. */
#include "tests/fuzz/fuzz.h"

#include "common/text.h"
#include "indexer/net/json.h"

static void ask(const struct js *v, int depth)
{
	static const char *const names[] = {"title", "a", "guid", "size", "status", ""};
	HOLDS(depth <= JSON_DEPTH_MAX);
	js_own_int(v, -1);
	HOLDS(text_is_utf8(js_own_text(v), strlen(js_own_text(v))));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		js_int(v, names[i], -1);
		js_real(v, names[i], -1);
		js_bool(v, names[i], false);
		js_text(v, names[i]);
		if (js_get(v, names[i]))
			ask(js_get(v, names[i]), depth + 1);
	}
	for (size_t i = 0; i < js_count(v); i++)
		ask(js_at(v, i), depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct js *v = NULL;
	char why[160] = "";
	/* without a NUL behind it */
	char *bytes = malloc(size ? size : 1);
	HOLDS(bytes);
	if (size)
		memcpy(bytes, data, size);
	if (js_parse(bytes, size, &v, why) == 0) {
		ask(v, 0);
		js_free(v);
	} else {
		HOLDS(*why);
	}
	free(bytes);
	return 0;
}
