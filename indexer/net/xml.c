/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/net/xml.h"

#include <libxml/xmlerror.h>

static void say_nothing(void *arg, xmlErrorPtr error)
{
	(void)arg;
	(void)error;
}

/* for the few places that know no other way */
static void print_nothing(void *arg, const char *format, ...)
{
	(void)arg;
	(void)format;
}

void xml_be_silent(void)
{
	xmlSetGenericErrorFunc(NULL, print_nothing);
	xmlSetStructuredErrorFunc(NULL, say_nothing);
}
