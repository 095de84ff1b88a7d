/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reading our own JSON documents: the only place of the filesystem that reads JSON.  Plain functions, any
 * thread. */
#ifndef FS_DOCUMENT_H
#define FS_DOCUMENT_H

#include <stdbool.h>

#include "common/store_read.h"
#include "common/vec.h"

/** What the items of a list are. */
enum document_kind {
	/** Nothing that is kept. */
	DOCUMENT_PLAIN,
	/** key: series and volume; group: the series; number, label: the volume; state. */
	DOCUMENT_VOLUMES,
	/** key: the path's bytes; label: the path; state: the kind. */
	DOCUMENT_ERRORS,
	/** key: the path's bytes; label: the name; group: the path; state; reason. */
	DOCUMENT_ROOTS,
};

/** One thing of a list.  Texts are owned; group and reason are NULL where there are none. */
struct document_item {
	/** What makes it the same thing then and now. */
	char *key;
	char *group, *label, *state, *reason;
	double number;
};

struct document {
	/** Sorted by key. */
	VEC(struct document_item) items;
	/** What is there besides the list; NULL before document_read(). */
	void *rest;
};

/** Fills an empty document; -EBADMSG, and it stays empty, for what is none. */
int document_read(struct bytes json, enum document_kind kind, struct document *doc);
void document_clear(struct document *doc);

/** An integer at @key, of @object unless that is NULL.  False when there is none. */
bool document_number(const struct document *doc, const char *object, const char *key, int64_t *v);
/** A text, borrowed; NULL when there is none. */
const char *document_text(const struct document *doc, const char *object, const char *key);

int document_by_key(const void *a, const void *b);

/** Whether a JSON list has the number. */
bool document_list_has(const char *json, double v);

#endif
