/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The source prowlarr, and what its stand-in holds. */
#ifndef TESTS_UNIT_STANDIN_PROWLARR_H
#define TESTS_UNIT_STANDIN_PROWLARR_H

#include "tests/unit/standin.h"

static inline void configure(struct asking *k, const char *more)
{
	char text[2048];
	snprintf(text, sizeof text,
		 "prowlarr {\n url = \"http://127.0.0.1:%d\"\n api_key_file = \"%s\"\n"
		 " requests_per_minute = 60\n requests_per_day = 1000\n %s\n}\n",
		 k->lab->port, k->lab->key_file, more);
	asking_open(k, text);
}

static inline int set_up(void **state)
{
	struct asking *k = calloc(1, sizeof *k);
	k->source = &source_prowlarr;
	k->lab = lab_new();
	configure(k, "");
	*state = k;
	return 0;
}

#define RELEASE(id, number, title, more) \
	"{'indexerId':" #id ",'guid':'https://t.example/" number "?passkey=" PASSKEY "','title':'" title \
	"','size':52428800,'publishDate':'2023-01-31T12:00:00Z','link':'https://t.example/dl/" number \
	"?passkey=" PASSKEY "','magnet':null,'infoUrl':'https://t.example/" number \
	"','infoHash':null,'seeders':7,'leechers':2,'protocol':'torrent','categories':[7030]" more "}"

#define TWO_INDEXERS \
	"'indexers':[{'id':1,'name':'Alpha','enable':true,'protocol':'torrent','supportsSearch':true," \
	"'supportsRss':true,'supportsPagination':true,'redirect':false}," \
	"{'id':2,'name':'Beta','enable':true,'protocol':'torrent','supportsSearch':true," \
	"'supportsRss':true,'supportsPagination':false,'redirect':false}]"

#endif
