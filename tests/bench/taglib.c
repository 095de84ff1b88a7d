/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What a player does with TagLib: tags and length of every file of a tree, one after another.
 *
 *   taglib DIR
 *
 * Prints the number of files that TagLib could read and the seconds.
 */
#include <fts.h>
#include <stdio.h>
#include <tag_c.h>
#include <time.h>

static long seen, letters;

static void read_file(const char *path)
{
	TagLib_File *file = taglib_file_new(path);
	if (file && taglib_file_is_valid(file)) {
		const TagLib_Tag *tag = taglib_file_tag(file);
		const TagLib_AudioProperties *sound = taglib_file_audioproperties(file);
		seen++;
		letters += taglib_tag_title(tag)[0] + taglib_tag_artist(tag)[0] + taglib_tag_album(tag)[0] +
			   taglib_tag_genre(tag)[0] + (long)taglib_tag_track(tag) + (long)taglib_tag_year(tag) +
			   (sound ? taglib_audioproperties_length(sound) : 0);
		taglib_tag_free_strings();
	}
	if (file)
		taglib_file_free(file);
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const FTSENT *e;
	if (argc != 2)
		return 2;
	double start = seconds();
	FTS *tree = fts_open(argv + 1, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return 1;
	while ((e = fts_read(tree)))
		if (e->fts_info == FTS_F)
			read_file(e->fts_path);
	fts_close(tree);
	printf("%ld %.6f\n", seen, seconds() - start);
	return letters == 0;
}
