/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The section alerts of the configuration: what its texts mean, and what is wrong with them. */
#include "common/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

static const char *name_of(const struct config *c)
{
	return *config_path(c) ? config_path(c) : "default";
}

int config_time_of_day(const char *text)
{
	unsigned hour, minute;
	int end = 0;
	bool fits = sscanf(text, "%2u:%2u%n", &hour, &minute, &end) == 2 && !text[end] && end >= 4;
	return fits && hour < 24 && minute < 60 ? (int)(hour * 60 + minute) : -1;
}

int config_check_alert(const struct config *c, int id, struct buf *why)
{
	const char *text = config_text(c, (enum option_id)id);
	struct alert_rule rule;
	_buf_ struct buf clause = BUF_INIT(4096);
	int r = alert_rule_read((enum alert_id)(id - OPT_alert_root_absent), text, &rule, &clause);
	if (r < 0)
		buf_addf(why, "%s: alerts.%s = \"%s\" is not possible: %s\n", name_of(c),
			 OPTIONS_TABLE[id].key, text, buf_str(&clause));
	return r;
}

void config_alert(const struct config *c, enum alert_id id, struct alert_rule *out)
{
	alert_rule_read(id, config_text(c, (enum option_id)(OPT_alert_root_absent + (int)id)), out, NULL);
}

static bool is_alert(const char *name)
{
	int i = 0;
	while (i < ALERT_COUNT_OF_ROWS && strcmp(ALERTS_TABLE[i].name, name) != 0)
		i++;
	return i < ALERT_COUNT_OF_ROWS;
}

int config_check_alerts(const struct config *c, struct buf *why)
{
	const char *file = name_of(c), *at = config_text(c, OPT_alerts_summary);
	int r = 0;
	for (size_t i = 0; i < config_count(c, OPT_alerts_silent); i++) {
		if (is_alert(config_item(c, OPT_alerts_silent, i)))
			continue;
		buf_addf(why, "%s: alerts.silent: \"%s\" is no condition\n", file, config_item(c, OPT_alerts_silent, i));
		r = -EINVAL;
	}
	if (*at && config_time_of_day(at) < 0) {
		buf_addf(why, "%s: alerts.summary = \"%s\": write a time of day such as \"08:00\"\n", file, at);
		r = -EINVAL;
	}
	return r;
}
