/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/device.h"

#include <dirent.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"

const struct device_row DEVICES_TABLE[DEVICE_COUNT] = {
#define D(id, depth, ahead) [DEVICE_##id] = {#id, depth, ahead},
	DEVICES(D)
#undef D
};

enum {
	/** dm on md on partitions on disks, and some more. */
	LEVELS = 8,
};

/** The first number in a file, or -1. */
static int read_number(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int v = -1;
	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
		return -1;
	_fclose_ FILE *f = fopen(path, "re");
	return f && fscanf(f, "%d", &v) == 1 ? v : -1;
}

/** Which is slower when both are below. */
static enum device_kind slower(enum device_kind a, enum device_kind b)
{
	static const enum device_kind order[] = {DEVICE_rotational, DEVICE_unknown, DEVICE_ssd};
	for (size_t i = 0; i < COUNT_OF(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a;
}

static enum device_kind kind_of_block(const char *dir, int levels);

/** The slowest of those that a dm or md device is made of; DEVICE_COUNT when it is none. */
static enum device_kind kind_of_slaves(const char *dir, int levels)
{
	char path[PATH_MAX];
	enum device_kind all = DEVICE_COUNT;
	if (snprintf(path, sizeof path, "%s/slaves", dir) >= (int)sizeof path)
		return DEVICE_COUNT;
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		char below[PATH_MAX];
		if (e->d_name[0] == '.' ||
		    snprintf(below, sizeof below, "%s/%s", path, e->d_name) >= (int)sizeof below)
			continue;
		enum device_kind one = kind_of_block(below, levels - 1);
		all = all == DEVICE_COUNT ? one : slower(all, one);
	}
	if (d)
		closedir(d);
	return all;
}

/** @dir: a block device's folder in /sys. */
static enum device_kind kind_of_block(const char *dir, int levels)
{
	char real[PATH_MAX];
	if (levels == 0 || !realpath(dir, real))
		return DEVICE_unknown;
	/* a partition is a folder of its disk */
	char *slash = strrchr(real, '/');
	if (read_number(real, "partition") > 0 && slash)
		*slash = '\0';
	enum device_kind below = kind_of_slaves(real, levels);
	if (below != DEVICE_COUNT)
		return below;
	const char *name = strrchr(real, '/');
	int rotational = read_number(real, "queue/rotational");
	if (rotational < 0)
		return DEVICE_unknown;
	if (rotational)
		return DEVICE_rotational;
	return name && strncmp(name, "/nvme", 5) == 0 ? DEVICE_nvme : DEVICE_ssd;
}

enum device_kind device_of(const char *sys, dev_t device, uint64_t magic)
{
	static const struct {
		uint64_t magic;
		enum device_kind kind;
	} types[] = {
		{TMPFS_MAGIC, DEVICE_memory},	{RAMFS_MAGIC, DEVICE_memory},	{NFS_SUPER_MAGIC, DEVICE_network},
		{SMB_SUPER_MAGIC, DEVICE_network}, {0xff534d42, DEVICE_network}, {0xfe534d42, DEVICE_network},
		{AFS_SUPER_MAGIC, DEVICE_network}, {0x00c36400, DEVICE_network}, {V9FS_MAGIC, DEVICE_network},
		{0x65735546, DEVICE_fuse},
	};
	char path[PATH_MAX];
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if ((uint32_t)magic == (uint32_t)types[i].magic)
			return types[i].kind;
	snprintf(path, sizeof path, "%s/dev/block/%u:%u", sys, major(device), minor(device));
	return kind_of_block(path, LEVELS);
}
