/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The configuration as it is without one: what --print-default-config says. */
#include "common/config.h"

#include <string.h>

static void print_value(struct buf *out, const struct option_row *o)
{
	if (o->kind != OPTION_LIST) {
		bool bare = o->kind == OPTION_INT || o->kind == OPTION_BOOL;
		buf_addf(out, bare ? "%s" : "\"%s\"", o->fallback);
		return;
	}
	const char *text = o->fallback;
	buf_adds(out, "{");
	while (*text) {
		size_t n = strcspn(text, "\n");
		buf_addf(out, "%s\"%.*s\"", text == o->fallback ? " " : ", ", (int)n, text);
		text += n + (text[n] != '\0');
	}
	buf_adds(out, " }");
}

static void print_option(struct buf *out, const struct option_row *o, const char *indent)
{
	buf_addf(out, "%s# %s\n%s", indent, o->help, indent);
	buf_addf(out, "%s = ", o->key);
	print_value(out, o);
	buf_addc(out, '\n');
}

/** For those who wonder where to begin: a start for each size of library. */
static const char profiles[] =
	"# How much to look for, by the number of series that are monitored: three examples.\n"
	"#\n"
	"# few (fewer than 5): what is missing, twice a day\n"
	"#   monitor { auto_check_interval = \"60m\" }\n"
	"#   monitor_missing_volumes { enabled = true check_interval = \"12h\" }\n"
	"#   monitor_new_volumes { enabled = false }\n"
	"#\n"
	"# medium (5 to 15): new volumes too, every hour; local sources first\n"
	"#   monitor { auto_check_interval = \"60m\" }\n"
	"#   monitor_missing_volumes { enabled = true check_interval = \"12h\" }\n"
	"#   monitor_new_volumes { enabled = true check_nautiljon_updates = true check_interval = \"6h\" }\n"
	"#   nautiljon { enabled = true }\n"
	"#\n"
	"# heavy (more than 15): what is missing only, every two hours, a small budget\n"
	"#   monitor { auto_check_interval = \"120m\" }\n"
	"#   monitor_missing_volumes { enabled = true check_interval = \"24h\" }\n"
	"#   monitor_new_volumes { enabled = false }\n"
	"#   prowlarr { requests_per_minute = 10 requests_per_day = 100 }\n\n";

void config_print_default(struct buf *out)
{
	buf_adds(out, "# mediamon: every option with its default\n\n");
	buf_adds(out, profiles);
	for (int id = 0; id < OPTION_COUNT; id++)
		if (!OPTIONS_TABLE[id].section)
			print_option(out, &OPTIONS_TABLE[id], "");
	for (int id = 0; id < OPTION_COUNT; id++) {
		const char *section = OPTIONS_TABLE[id].section;
		if (!section || !config_is_first_of_section(id))
			continue;
		buf_addf(out, "\n%s {\n", section);
		for (int i = id; i < OPTION_COUNT; i++)
			if (OPTIONS_TABLE[i].section && strcmp(OPTIONS_TABLE[i].section, section) == 0)
				print_option(out, &OPTIONS_TABLE[i], "\t");
		buf_adds(out, "}\n");
	}
}
