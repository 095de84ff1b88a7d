/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Pages of the program and its libraries that were only needed to start. */
#ifndef COMMON_SHED_H
#define COMMON_SHED_H

/** Gives them back: those that nobody may write to come again from their files when they are touched.  Any thread. */
void shed_code(void);

#endif
