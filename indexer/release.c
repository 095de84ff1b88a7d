/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/release.h"

#include <string.h>

#include "common/cleanup.h"

static const struct {
	enum protocol protocol;
	const char *name;
} names[] = {
	{PROTOCOL_TORRENT, "torrent"},
	{PROTOCOL_USENET, "usenet"},
	{PROTOCOL_ED2K, "ed2k"},
};

const char *protocol_name(enum protocol p)
{
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (names[i].protocol == p)
			return names[i].name;
	return "";
}

enum protocol protocol_of(const char *name)
{
	for (size_t i = 0; name && i < COUNT_OF(names); i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].protocol;
	return 0;
}
