/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/heads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/** What a slot holds; the ticket is written last, and 0 while the rest changes. */
struct label {
	_Atomic uint64_t ticket;
	struct head head;
};

/** A region as it lies in memory. */
struct heads {
	/** Tickets given out; lives on when a scout is started again. */
	_Atomic uint64_t given;
	struct label label[HEADS_SLOTS];
	uint8_t bytes[HEADS_SLOTS][HEAD_SIZE] __attribute__((aligned(4096)));
};

int heads_create(void)
{
	int fd = memfd_create("heads", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	/* sealed: whoever maps it can always read it */
	if (ftruncate(fd, sizeof(struct heads)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

int heads_reopen(int fd)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int again = open(path, O_RDONLY | O_CLOEXEC);
	return again < 0 ? -errno : again;
}

struct heads *heads_map(int fd, bool writes)
{
	void *at = mmap(NULL, sizeof(struct heads), PROT_READ | (writes ? PROT_WRITE : 0), MAP_SHARED,
			fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

void heads_unmap(struct heads *h)
{
	if (h)
		munmap(h, sizeof *h);
}

uint8_t *heads_begin(struct heads *h, uint32_t slot)
{
	atomic_store_explicit(&h->label[slot].ticket, 0, memory_order_relaxed);
	/* nobody sees the bytes change before the ticket is gone */
	atomic_thread_fence(memory_order_seq_cst);
	return h->bytes[slot];
}

uint64_t heads_seal(struct heads *h, uint32_t slot, const struct head *head)
{
	uint64_t ticket = (atomic_fetch_add(&h->given, 1) + 1) * HEADS_SLOTS + slot;
	h->label[slot].head = *head;
	atomic_store_explicit(&h->label[slot].ticket, ticket, memory_order_release);
	return ticket;
}

void heads_drop(struct heads *h)
{
	for (uint32_t slot = 0; slot < HEADS_SLOTS; slot++)
		heads_begin(h, slot);
	/* of the memory file, so that workers that mapped it have none of it either; what fails costs only memory */
	madvise(h->bytes, sizeof h->bytes, MADV_REMOVE);
}

/** Whether the pieces lie in the file and in the slot, one behind the other. */
static bool is_possible(const struct head *head, size_t *bytes)
{
	uint64_t end = 0;
	*bytes = 0;
	if (head->pieces == 0 || head->pieces > HEAD_PIECES || head->piece[0].at != 0)
		return false;
	for (uint32_t i = 0; i < head->pieces; i++) {
		const struct head_piece *p = &head->piece[i];
		if (p->at < end || p->at > head->size || p->n > head->size - p->at ||
		    p->n > HEAD_SIZE - *bytes)
			return false;
		end = p->at + p->n;
		*bytes += p->n;
	}
	return true;
}

int heads_take(const struct heads *h, uint64_t ticket, struct head *head, uint8_t *bytes)
{
	size_t n;
	uint32_t slot = heads_slot(ticket);
	const struct label *label = &h->label[slot];
	if (!ticket || atomic_load_explicit(&label->ticket, memory_order_acquire) != ticket)
		return -ESTALE;
	memcpy(head, (const void *)&label->head, sizeof *head);
	bool is_good = is_possible(head, &n);
	if (is_good)
		memcpy(bytes, h->bytes[slot], n);
	/* still the same: then so are the bytes */
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&label->ticket, memory_order_relaxed) != ticket)
		return -ESTALE;
	return is_good ? 0 : -EBADMSG;
}
