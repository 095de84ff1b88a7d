/* SPDX-License-Identifier: GPL-3.0-or-later */
/** `mediamond guess NAME…`: prints how names are read. */
#ifndef INDEXER_GUESS_COMMAND_H
#define INDEXER_GUESS_COMMAND_H

/** Names from @argv, or one a line from standard input when there are none.  Exit status. */
int guess_command(int argc, char **argv);

#endif
