/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INDEXER_NET_XML_H
#define INDEXER_NET_XML_H

/** What libxml2 has to say of what it reads goes nowhere, in this thread: some of it, bytes of the page and all, would
 * go to stderr even where a parser was told to be silent. */
void xml_be_silent(void);

#endif
