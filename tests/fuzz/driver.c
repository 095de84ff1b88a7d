/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Runs a target over every seed and over mutations of them, the same ones each time.
 *
 *     NAME SEEDS [MUTATIONS]       NAME SEEDS -1 FILE…    only these files
 *
 * Before each run the input is written to fd 3 when that is open, so that a crash can be repeated.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/vec.h"

enum { INPUT_MOST = 64 << 10, MUTATIONS = 10000, STEPS = 8 };

static struct {
	struct buf *data;
	size_t len, cap;
} seeds;

static uint64_t state = 1;

static uint64_t next(uint64_t below)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return below ? (z ^ z >> 31) % below : 0;
}

static void load(const char *path)
{
	char part[4096];
	ssize_t n;
	struct buf *seed = vec_add(&seeds);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	HOLDS(seed && fd >= 0);
	*seed = BUF_INIT(INPUT_MOST);
	while ((n = read(fd, part, sizeof part)) > 0)
		HOLDS(buf_add(seed, part, (size_t)n) == 0);
	close(fd);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_folder(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, by_name);
	for (int i = 0; i < n; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			load(path);
		free(names[i]);
	}
	HOLDS(n >= 0 && seeds.len);
	free(names);
}

static void run(const struct buf *input)
{
	if (fcntl(3, F_GETFD) >= 0 && ftruncate(3, 0) == 0 && pwrite(3, buf_str(input), input->len, 0) < 0)
		close(3);
	/* of exactly its size, so that reading past it is seen */
	char *bytes = malloc(input->len ? input->len : 1);
	HOLDS(bytes);
	memcpy(bytes, buf_str(input), input->len);
	LLVMFuzzerTestOneInput((const uint8_t *)bytes, input->len);
	free(bytes);
}

/** Puts @n bytes in place of @cut ones at @at; what does not fit is not done. */
static void put_in(struct buf *b, size_t at, size_t cut, const char *with, size_t n)
{
	struct buf whole = BUF_INIT(INPUT_MOST);
	buf_add(&whole, buf_str(b), at);
	buf_add(&whole, with, n);
	buf_add(&whole, buf_str(b) + at + cut, b->len - at - cut);
	if (!buf_error(&whole)) {
		buf_clear(b);
		*b = whole;
	} else {
		buf_clear(&whole);
	}
}

static void mutate(struct buf *b)
{
	static const char *const words[] = {"\xff\xff\xff\xff", "9999999999999999999", "-1", "%00", "\xc3", "\n",
					    "<", ">", "\"", "[[[[[[[[", "&", "|", "\xe2\x80\xae", "{", "e"};
	size_t at = next(b->len + 1), left = b->len - at, n = next(left + 1);
	const struct buf *other = &seeds.data[next(seeds.len)];
	const char *word = words[next(sizeof words / sizeof *words)];
	char byte = (char)next(256);
	switch (next(7)) {
	case 0:
		if (left)
			b->data[at] ^= (char)(1 << next(8));
		break;
	case 1:
		put_in(b, at, left ? 1 : 0, &byte, 1);
		break;
	case 2:
		put_in(b, at, n < 16 ? n : next(16), "", 0);
		break;
	case 3:
		put_in(b, at, 0, word, strlen(word));
		break;
	case 4:
		put_in(b, at, 0, buf_str(b) + next(b->len + 1 - n), n);
		break;
	case 5:
		n = next(other->len + 1);
		put_in(b, at, left, buf_str(other) + n, other->len - n);
		break;
	default:
		put_in(b, at, left, "", 0);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	long mutations = argc > 2 ? strtol(argv[2], NULL, 10) : MUTATIONS;
	if (mutations >= 0)
		load_folder(argv[1]);
	for (int i = 3; i < argc; i++)
		load(argv[i]);
	for (size_t i = 0; i < seeds.len; i++)
		run(&seeds.data[i]);
	for (long i = 0; i < mutations; i++) {
		struct buf input = BUF_INIT(INPUT_MOST);
		const struct buf *seed = &seeds.data[next(seeds.len)];
		buf_add(&input, buf_str(seed), seed->len);
		for (uint64_t steps = 1 + next(STEPS); steps; steps--)
			mutate(&input);
		run(&input);
		buf_clear(&input);
	}
	for (size_t i = 0; i < seeds.len; i++)
		buf_clear(&seeds.data[i]);
	vec_clear(&seeds);
	return 0;
}
