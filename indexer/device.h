/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What a root lies on, and how many reads may wait for it at a time.  Told by /sys
 * (https://docs.kernel.org/block/queue-sysfs.html) and by the type of the file system, without touching
 * the disk.
 */
#ifndef INDEXER_DEVICE_H
#define INDEXER_DEVICE_H

#include <stdint.h>
#include <sys/types.h>

/*   id, most threads that read, files that one of them reads together.  Disks sort what waits for them (NCQ: 32), flash
 *   answers side by side; servers and FUSE programs have others to serve too. */
#define DEVICES(D) \
	D(memory, 1, 16) \
	D(rotational, 32, 16) \
	D(ssd, 32, 16) \
	D(nvme, 32, 16) \
	D(network, 16, 1) \
	D(fuse, 8, 1) \
	D(unknown, 16, 8)

enum device_kind {
#define D(id, depth, ahead) DEVICE_##id,
	DEVICES(D)
#undef D
	DEVICE_COUNT
};

struct device_row {
	const char *name;
	int depth, ahead;
};
extern const struct device_row DEVICES_TABLE[DEVICE_COUNT];

/**
 * @sys: "/sys", or a tree like it.  @device: st_dev of the root.  @magic: f_type of its file system.
 * Looks through partitions, dm and md at the disks below; the slowest of several counts.
 */
enum device_kind device_of(const char *sys, dev_t device, uint64_t magic);

#endif
