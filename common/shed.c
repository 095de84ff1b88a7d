/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/shed.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"

/** Its code is changed when it is loaded: what is given back would come again unchanged. */
static bool has_text_relocations(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		if (part->p_type != PT_DYNAMIC)
			continue;
		const ElfW(Dyn) *d = (const ElfW(Dyn) *)(object->dlpi_addr + part->p_vaddr);
		for (; d->d_tag != DT_NULL; d++)
			if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
				return true;
	}
	return false;
}

enum { PARTS_MOST = 16 };

struct range {
	uintptr_t start, end;
};

/** What nobody may write to, in whole pages: how many such ranges. */
static int find_ranges(const struct dl_phdr_info *object, uintptr_t page, struct range *range)
{
	int n = 0;
	for (int i = 0; i < object->dlpi_phnum && n < PARTS_MOST; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + part->p_vaddr, end = start + part->p_memsz;
		if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
			range[n++] = (struct range){start & ~(page - 1), (end + page - 1) & ~(page - 1)};
	}
	return n;
}

static int shed(struct dl_phdr_info *object, size_t size, void *arg)
{
	struct range range[PARTS_MOST];
	(void)size;
	/* the kernel's own has no file */
	if (object->dlpi_addr == getauxval(AT_SYSINFO_EHDR) || has_text_relocations(object))
		return 0;
	/* the headers lie in the first range: whoever reads them again has it again */
	int n = find_ranges(object, *(const uintptr_t *)arg, range);
	for (int i = 0; i < n; i++)
		if (madvise((void *)range[i].start, range[i].end - range[i].start, MADV_DONTNEED) < 0)
			log_debug("madvise: %s", strerror(errno));
	return 0;
}

void shed_code(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	dl_iterate_phdr(shed, &page);
}
