/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A target is a file of tests/fuzz with LLVMFuzzerTestOneInput() and a folder of tests/fuzz/seeds with its name.  With
 * SAN=fuzzer it is a program of libFuzzer; else driver.c runs it over seeds and mutations of them.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What holds for every input; also where NDEBUG takes assert() away. */
#define HOLDS(condition)                                                                   \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                           \
		}                                                                          \
	} while (0)

/** A copy with a NUL behind it, of exactly its size: reading past it is seen.  To be freed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	HOLDS(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif
