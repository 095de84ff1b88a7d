/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/volumes.h"

#include <math.h>
#include <string.h>

#include "common/cleanup.h"

static bool is_text(const char *text, const char *wanted)
{
	return text && strcmp(text, wanted) == 0;
}

/* "Intégrale 2", "Coffret 1": the number is the pack's own. */
static bool is_pack(const struct volume_facts *f)
{
	return is_text(f->kind, "range") && (isnan(f->volume) || isnan(f->volume_end));
}

bool volumes_is_complete(const struct volume_facts *f)
{
	return is_pack(f) && isnan(f->volume) && isnan(f->chapter) && is_text(f->rule, "complete");
}

bool volumes_is_omnibus(const struct volume_facts *f)
{
	return is_text(f->kind, "volume") && is_text(f->rule, "omnibus") && isnan(f->volume_end);
}

bool volumes_of(const struct volume_facts *f, int *first, int *last)
{
	bool is_volume = is_text(f->kind, "volume") || (is_text(f->kind, "range") && !is_pack(f));
	if (!is_volume || (f->is_mixed && volumes_is_omnibus(f)))
		return false;
	double from = ceil(f->volume), to = floor(isnan(f->volume_end) ? f->volume : f->volume_end);
	/* false for what is no number at all, too */
	if (!(f->volume >= 0 && from <= to && to <= VOLUMES_MAX))
		return false;
	*first = (int)from;
	*last = (int)to;
	return true;
}

void volumes_add(struct volumes_mix *m, const struct volume_facts *f)
{
	int first, last;
	if (volumes_is_omnibus(f))
		m->has_omnibus = true;
	else if (volumes_of(f, &first, &last))
		m->has_other = true;
}

bool volumes_is_mixed(const struct volumes_mix *m)
{
	return m->has_omnibus && m->has_other;
}

void volumes_number(double v, struct buf *out)
{
	/* above, a double has no decimals, and its digits fill lines */
	if (!(fabs(v) < 1e9)) {
		buf_addf(out, "%.3g", v);
		return;
	}
	_buf_ struct buf text = BUF_INIT(32);
	buf_addf(&text, "%.2f", v);
	size_t n = text.len;
	while (n && text.data[n - 1] == '0')
		n--;
	if (n && text.data[n - 1] == '.')
		n--;
	buf_add(out, buf_str(&text), n);
}

static void add_span(const char *one, const char *several, double from, double to, struct buf *out)
{
	bool is_one = isnan(to) || to == from;
	buf_adds(out, is_one ? one : several);
	volumes_number(from, out);
	if (is_one)
		return;
	buf_adds(out, " to ");
	volumes_number(to, out);
}

void volumes_name(const struct volume_facts *f, struct buf *out)
{
	bool is_range = is_text(f->kind, "range") && !is_pack(f);
	if (volumes_is_complete(f))
		buf_adds(out, "all volumes");
	else if (volumes_is_omnibus(f) && !isnan(f->volume))
		add_span("omnibus ", "", f->volume, NAN, out);
	else if (is_text(f->kind, "chapter") && !isnan(f->chapter))
		add_span("chapter ", "", f->chapter, NAN, out);
	else if ((is_text(f->kind, "volume") && !isnan(f->volume)) || is_range)
		add_span("volume ", "volumes ", f->volume, f->volume_end, out);
	else
		buf_adds(out, is_text(f->kind, "special")   ? "a special"
			      : is_text(f->kind, "oneshot") ? "a one-shot"
			      : is_pack(f)		    ? "a pack"
							    : "a file without a number");
}

/* --- why a file stands for none --- */

static bool is_special(const struct volume_facts *f)
{
	return is_text(f->kind, "special");
}

static bool is_oneshot(const struct volume_facts *f)
{
	return is_text(f->kind, "oneshot");
}

static bool is_in_volume(const struct volume_facts *f)
{
	return is_text(f->kind, "chapter") && !isnan(f->volume);
}

static bool is_chapter(const struct volume_facts *f)
{
	return is_text(f->kind, "chapter") || (is_pack(f) && !isnan(f->chapter));
}

static bool is_numbered_pack(const struct volume_facts *f)
{
	return is_pack(f) && !isnan(f->volume);
}

static bool is_beside_volumes(const struct volume_facts *f)
{
	return f->is_mixed && volumes_is_omnibus(f);
}

static bool has_no_number(const struct volume_facts *f)
{
	return isnan(f->volume) || (!is_text(f->kind, "volume") && !is_text(f->kind, "range"));
}

static bool is_below(const struct volume_facts *f)
{
	return f->volume < 0;
}

static bool is_above(const struct volume_facts *f)
{
	return f->volume > VOLUMES_MAX || f->volume_end > VOLUMES_MAX;
}

static bool is_backwards(const struct volume_facts *f)
{
	return f->volume_end < f->volume;
}

/** In the order in which they are asked: the first that holds is the reason, or the last one. */
static const struct {
	bool (*holds)(const struct volume_facts *f);
	/** What stands in front of the number and behind it; the whole sentence when @rest is NULL. */
	const char *text, *rest;
} reasons[] = {
	{is_special, "A special (hors-série, artbook, bonus): it stands beside the regular volumes.", NULL},
	{is_oneshot, "A one-shot: it is whole by itself, nothing comes before or after it.", NULL},
	{is_in_volume, "A chapter of volume ", ": the volume is owned when all of it is there as one file."},
	{is_chapter, "Chapters: they do not tell which volume they make up.", NULL},
	{is_numbered_pack, "Number ", " is the pack's own: it does not say which volumes it holds."},
	{is_pack, "A pack that does not say which volumes it holds.", NULL},
	{has_no_number, "Its name and ComicInfo tell no volume number.", NULL},
	{is_beside_volumes, "Omnibus ",
	 " does not say which volumes it holds, and the series is counted in single volumes."},
	{is_below, "", " is no number of a volume."},
	{is_backwards, "Its range begins with ", " and ends below that: a mistake."},
	{is_above, "", " is more than any series has: a mistake in the name or in ComicInfo."},
	{NULL, "", " is a half volume: it stands beside the regular ones."},
};

static bool is_usable(const struct volume_facts *f)
{
	int first, last;
	return volumes_is_complete(f) || volumes_of(f, &first, &last);
}

bool volumes_why_not(const struct volume_facts *f, struct buf *out)
{
	if (is_usable(f)) {
		if (f->is_corrupt)
			buf_adds(out, "The file is damaged.");
		else if (f->is_incomplete)
			buf_adds(out, "The file ends too early: it is being copied, or the copy was cut off.");
		return f->is_corrupt || f->is_incomplete;
	}
	size_t i = 0;
	while (reasons[i].holds && !reasons[i].holds(f))
		i++;
	buf_adds(out, reasons[i].text);
	if (reasons[i].rest) {
		volumes_number(is_above(f) ? fmax(f->volume, f->volume_end) : f->volume, out);
		buf_adds(out, reasons[i].rest);
	}
	return true;
}
