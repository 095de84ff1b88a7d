/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Frames between the indexer and its children: a length, a type, and fields in native byte order
 * (the same program on both sides).  The reading side trusts no length.
 */
#ifndef INDEXER_FRAME_H
#define INDEXER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum frame_type {
	/* to a scout */
	FRAME_SETUP = 1, /* kind u32, walkers u32, most of them u32, slots of heads u32, watch mode u32, root text, patterns u32 n × text,
			    marker text */
	FRAME_SCAN,      /* scan u64, slice u32, slices u32, anchors u32 n × (size u64, mtime u64, path),
			    skips u32 n × path, scopes u32 n × (deep u32, path), heads u32,
			    is_background u32 */
	FRAME_KNOWN,     /* until its end: path u64 (text_hash()), sum u64 (dirsum.h), row u64; of the scan that is ordered next */
	FRAME_OPEN,      /* batch u64, worker u32, path text, n × (index u32, size u64, mtime u64, ctime u64, inode u64, name text) */
	FRAME_ANSWER,    /* dir u64: one chunk of its list is done with */
	FRAME_STOP,      /* scan u64 */
	FRAME_LOOK,      /* scan u64, n u32 × path: are they really not there? */
	FRAME_GIVE_BACK, /* until its end: ticket u64 (heads.h) */
	FRAME_RELEASE,   /* scan u64: no descriptor of the root is needed any more */
	FRAME_CHECK,     /* batch u64, worker u32, path text: one file, to be read to its end */
	FRAME_COVER,     /* batch u64, worker u32, width u32, height u32, bytes u32, path text: one volume, to make a cover of */
	/* from a scout */
	FRAME_ROOT,   /* scan u64, error i32, device u64, fstype u64, is_empty u32, anchors u32,
			 answered u32, marker_error i32, is_end u32, path without links, room u64, size u64 */
	FRAME_LIST,   /* scan u64, dir u64, flags u32, error i32, path text, n u32 × entry: type u32, size u64,
			 mtime u64, ctime u64, inode u64, btime u64, links u32, ticket u64 (heads.h), name text */
	FRAME_SAME,   /* scan u64, row u64, files u32, bytes u64, path text: as FRAME_KNOWN says, or (row 0) without
			 files and not known; it has no answer */
	FRAME_FAILED, /* batch u64, index u32, error i32 (or -FAILED_OTHER) */
	FRAME_DONE,   /* scan u64, busy_ns u64 */
	FRAME_SEEN,   /* scan u64, root_error i32, device u64, n u32 × error i32 */
	FRAME_BEAT,   /* scan u64, stall_ms u32: how long it waits for the disk; 0: no more */
	FRAME_DIRTY,  /* n u32 × (flags u32, path text) */
	FRAME_WATCH,  /* mode u32, watched u64, unwatched u64, overflows u64, reason text */
	/* from a worker */
	/* batch u64, n u32 × (index u32, error i32 (or RESULT_LACKS), hash u64 (fingerprint.h), reason text, media bytes) */
	FRAME_RESULTS,
	/* batch u64, error i32 (extract/verify.h), pages u32, read u64, size u64, mtime u64, ctime u64, inode u64, how text,
	   reason text */
	FRAME_VERDICT,
	/* batch u64, error i32 (extract/cover.h), size u64, mtime u64, ctime u64, inode u64, reason text, JPEG bytes */
	FRAME_COVERED,
	/* to a hand */
	FRAME_ROOT_OF_LINKS, /* path text */
	FRAME_HAND, /* n u32 × (act u32, path, before, after, uid u64, gid u64, mtime u64, has_facts u32) */
	/* from a hand, after FRAME_BEATs (no field) while it works */
	FRAME_HANDED, /* error i32, n u32 × error i32; for one that went well: its facts */
	/* to a looker */
	FRAME_LOOK_SETUP,   /* threads u32 */
	FRAME_LOOK_KNOWN,   /* until its end: mtime u64, path text */
	FRAME_LOOK_WALK,    /* root text */
	FRAME_LOOK_TARGETS, /* until its end: slot u32, first u32, wants_sizes u32, path text, n u32 × name text */
	FRAME_LOOK_MOUNT,   /* path text, n u32 × anchor text */
	FRAME_LOOK_STAT,    /* path text */
	/* from a looker, which also sends FRAME_BEAT while it is asked: stall_ms is 0 below the deadline */
	/* thread u32, has_more u32, error i32, mtime u64, path text, n u32 × (inode u64, mtime u64, uid u32, gid u32,
	   name text, target text) */
	FRAME_LOOKED_DIR,
	FRAME_LOOKED_GONE,    /* until its end: index among the known u32 */
	FRAME_LOOKED_TREE,    /* error i32, device u64, mount id u64, fstype u64, dirs u64, unchanged u64, links u64 */
	FRAME_LOOKED_TARGETS, /* until its end: slot u32, first u32, kind u32, fields of that kind */
	FRAME_LOOKED_MOUNT,   /* error i32, device u64, mount id u64, fstype text, entries u32, has_dir u32, answered u32,
				 failed u32 */
	FRAME_LOOKED_STAT,    /* error i32, size u64 */
};

enum {
	/** In FRAME_RESULTS: what was given of the file was too little. */
	RESULT_LACKS = 1,
	/** In FRAME_FAILED: another file is at its path by now.  No errno. */
	FAILED_OTHER = 4096,
};

/** To a worker, instead of a region: its files come as descriptors and not as heads. */
#define JOB_OF_FILES UINT32_MAX

/** Kinds of answers in FRAME_LOOKED_TARGETS. */
enum {
	/** Every name of the question is there. */
	TARGETS_ALL = 0,
	/** error i32: of the directory. */
	TARGETS_FAILED = 1,
	/** n u32 × error i32 */
	TARGETS_SOME = 2,
	/** n u32 × (error i32, size u64) */
	TARGETS_SIZES = 3,
};

/** Flags of FRAME_DIRTY. */
enum {
	/** And all below it. */
	DIRTY_DEEP = 1,
	/** A file in it is being written. */
	DIRTY_WRITING = 2,
	/** Events were lost: only a scan of all can tell. */
	DIRTY_LOST = 4,
};

enum {
	FRAME_MAX = 4 << 20,
	/** Files in one batch, and in one of those that are opened: these may take long each, and other workers share them. */
	BATCH_MAX = 128,
	OPENS_MAX = 32,
};

enum {
	/** Beside the kind in what a worker is given: the file is read to its end. */
	WORKER_CHECKS = 0x100,
	/**
	 * A cover is made of it.  Behind the path: width u32, height u32, bytes u32 at most; size u64, mtime u64, ctime u64,
	 * inode u64 of the volume, which may be the folder that the picture lies in.
	 */
	WORKER_COVERS = 0x200,
};

/** Flags of FRAME_LIST. */
enum {
	LIST_FIRST = 1,
	LIST_LAST = 2,
	/** A picture (cover.jpg, folder.png…) lies in the directory. */
	LIST_COVER = 4,
	/** Only the directory itself was asked for. */
	LIST_SHALLOW = 8,
	/** It has no entry at all. */
	LIST_EMPTY = 16,
};

/** Types of entries in FRAME_LIST: what has the name of a media file. */
enum {
	ENTRY_FILE = 0,
	/** The picture that stands for the directory, beside media files: its name alone, in the last chunk. */
	ENTRY_COVER = 254,
	/** It is none: the number is that of readdir's d_type, 255 when it could not be looked at. */
	ENTRY_UNKNOWN = 255,
};

/* --- writing: begin, fields, end; then send the whole buffer --- */

/** Returns where the frame starts, for frame_end(). */
size_t frame_begin(struct buf *out, enum frame_type type);
void frame_end(struct buf *out, size_t start);
void frame_u32(struct buf *out, uint32_t v);
void frame_u64(struct buf *out, uint64_t v);
void frame_bytes(struct buf *out, const void *data, size_t n);

/* --- reading --- */

struct frame {
	enum frame_type type;
	const uint8_t *at, *end;
	/** Set when a field did not fit. */
	bool is_bad;
};

/**
 * The next whole frame at the start of @data.  Returns its length with the header, 0 when more
 * bytes are needed, -EBADMSG.
 */
long frame_parse(const uint8_t *data, size_t n, struct frame *out);
uint32_t frame_get_u32(struct frame *f);
uint64_t frame_get_u64(struct frame *f);
/** Borrowed from the frame's bytes. */
const char *frame_get_bytes(struct frame *f, size_t *n);

/** Writes all bytes to a blocking socket.  0 or -errno. */
int frame_send(int fd, const void *data, size_t n);

/** Collects bytes of a stream until frames are whole. */
struct frame_reader {
	int fd;
	struct buf bytes;
	size_t used;
};

void frame_reader_init(struct frame_reader *r, int fd);
void frame_reader_clear(struct frame_reader *r);
/** Reads what is there (blocks when the descriptor does).  Bytes, 0 at the end, -errno. */
long frame_reader_fill(struct frame_reader *r);
/** 1 with the next frame (valid until the next fill), 0 when there is none, -EBADMSG. */
int frame_reader_next(struct frame_reader *r, struct frame *out);

#endif
