/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Writes a music library of the smallest whole tracks, as fast as the disk takes them.
 *
 *   tracks DIR FILES PER_FOLDER       DIR/Artist 0001/Album 00001/01.flac …
 *
 * A track is FLAC: STREAMINFO of unknown length and comments, no sound.  THREADS write, each an album
 * at a time.  Prints the number of folders, the seconds, and when the last file was closed
 * (CLOCK_MONOTONIC, in ns).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS = 2,
	ALBUMS_PER_ARTIST = 100,
	TRACK_MAX = 1024,
	/** Of STREAMINFO. */
	INFO = 34,
};

static const char *dir;
static long files, per_folder;
static atomic_long next_album;

static void fail(const char *what)
{
	fprintf(stderr, "tracks: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static unsigned char *put_le32(unsigned char *p, size_t v)
{
	for (int i = 0; i < 4; i++)
		*p++ = (unsigned char)(v >> (8 * i));
	return p;
}

static unsigned char *put_text(unsigned char *p, const char *text)
{
	p = put_le32(p, strlen(text));
	return mempcpy(p, text, strlen(text));
}

static unsigned char *put_comment(unsigned char *p, const char *key, const char *word, long number)
{
	char text[128];
	snprintf(text, sizeof text, "%s=%s%ld", key, word, number);
	return put_text(p, text);
}

/** Its size. */
static size_t fill(unsigned char *bytes, long album, long track)
{
	/* blocks of 4,096; 44.1 kHz, 2 channels, 16 bits */
	static const unsigned char head[8 + INFO] = {
		'f', 'L', 'a', 'C', 0, 0, 0, INFO, 0x10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0xc4, 0x42, 0xf0,
	};
	unsigned char *p = mempcpy(bytes, head, sizeof head), *block = p;
	p = put_text(p + 4, "mediamon");
	p = put_le32(p, 4);
	p = put_comment(p, "ARTIST", "Artist ", album / ALBUMS_PER_ARTIST + 1);
	p = put_comment(p, "ALBUM", "Album ", album + 1);
	p = put_comment(p, "TITLE", "Title ", album * per_folder + track + 1);
	p = put_comment(p, "TRACKNUMBER", "", track + 1);
	size_t n = (size_t)(p - block) - 4;
	/* comments, the last block */
	block[0] = 0x84;
	block[1] = 0;
	block[2] = (unsigned char)(n >> 8);
	block[3] = (unsigned char)n;
	return (size_t)(p - bytes);
}

static void write_track(int folder, long album, long track)
{
	unsigned char bytes[TRACK_MAX];
	char name[32];
	size_t n = fill(bytes, album, track);
	snprintf(name, sizeof name, "%02ld.flac", track + 1);
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || close(fd) < 0)
		fail(name);
}

static void write_album(long album)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%s/Artist %04ld", dir, album / ALBUMS_PER_ARTIST + 1);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		fail(path);
	snprintf(path + n, sizeof path - (size_t)n, "/Album %05ld", album + 1);
	if (mkdir(path, 0755) < 0)
		fail(path);
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		fail(path);
	for (long track = 0; track < per_folder && album * per_folder + track < files; track++)
		write_track(folder, album, track);
	close(folder);
}

static void *write_albums(void *arg)
{
	for (long album; (album = atomic_fetch_add(&next_album, 1)) * per_folder < files;)
		write_album(album);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	if (argc != 4)
		return 2;
	dir = argv[1];
	files = strtol(argv[2], NULL, 10);
	per_folder = strtol(argv[3], NULL, 10);
	if (files < 1 || per_folder < 1)
		return 2;
	long start = now();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, write_albums, NULL))
			fail("threads");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	long end = now(), albums = (files + per_folder - 1) / per_folder;
	long artists = (albums + ALBUMS_PER_ARTIST - 1) / ALBUMS_PER_ARTIST;
	printf("%ld %.6f %ld\n", albums + artists, (double)(end - start) / 1e9, end);
	return 0;
}
