/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Random days on a small disk, scanned in random pieces and orders; the numbers of all files must
 * be those of a model that saw each step.
 *
 * The model: an inode keeps its number wherever it goes; a new inode at a known place whose own
 * inode is gone takes that place's number; a copy the original of which went takes the
 * original's; names of an inode with several are files of their own; all others get new numbers.
 * What once had several names, or is a copy of that, is known by its place alone: when it moves, it
 * may be any of those that it was.
 */
#include "tests/unit/disk.h"

#include "common/clock.h"

enum {
	ROUNDS = 2000,
	STEPS = 6,
	FOLDERS = 4,
	NAMES = 4,
	PLACES = FOLDERS * NAMES,
	/** What must be at a place: a number that never was; any. */
	NEW = -1,
	ANY = -2,
};

struct model {
	struct disk d;
	uint64_t seed;
	/** The last one that was made; at the start of the round. */
	int content, was_content;
	/** Number by inode (disk.inode's order), 0: nobody has seen it. */
	VEC(int64_t) id;
	/** By inode: it had several names, or its original had. */
	VEC(bool) is_loose;
	/** Number and inode by place, at the start of a round. */
	int64_t was_id[PLACES];
	int was[PLACES];
	/** Places that a step of this round does not touch any more. */
	bool is_fixed[PLACES];
	/** 0, or what wanted() says. */
	int64_t must[PLACES];
	bool is_link[PLACES];
	int64_t last;
	char log[STEPS * 4][64];
	int logs;
};

static uint32_t below(struct model *m, uint32_t n)
{
	m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m->seed >> 33) % n;
}

static const char *path_of(int place)
{
	static char path[8][8];
	static int at;
	char *p = path[at++ % 8];
	snprintf(p, 8, "%c/%d", 'a' + place / NAMES, 1 + place % NAMES);
	return p;
}

static int inode_at(struct model *m, int place)
{
	return disk_spot(&m->d, path_of(place))->inode;
}

static bool is_alone(struct model *m, int place)
{
	int i = inode_at(m, place);
	return i && m->d.inode.data[i - 1].links == 1;
}

static void note(struct model *m, const char *what, int from, int to)
{
	if (m->logs < STEPS * 4)
		snprintf(m->log[m->logs++], sizeof m->log[0], "%s %s %s", what, path_of(from),
			 to < 0 ? "" : path_of(to));
}

static void note_scan(struct model *m, const char *what, const char *dirs)
{
	if (m->logs < STEPS * 4)
		snprintf(m->log[m->logs++], sizeof m->log[0], "%s %s", what, dirs);
}

static bool *loose(struct model *m, int inode)
{
	while (m->is_loose.len < m->d.inode.len)
		assert_non_null(vec_add(&m->is_loose));
	return &m->is_loose.data[inode - 1];
}

/** Number of the inode that is at @place now. */
static int64_t *id_of(struct model *m, int place)
{
	while (m->id.len < m->d.inode.len)
		assert_non_null(vec_add(&m->id));
	return &m->id.data[inode_at(m, place) - 1];
}

/* --- steps --- */

/** One name of several goes, or its place is taken: the others stay where they are in this round. */
static void fix_links(struct model *m, int at)
{
	int inode = inode_at(m, at);
	for (int i = 0; i < PLACES; i++)
		m->is_fixed[i] |= m->is_link[at] && inode && inode_at(m, i) == inode;
}

static void make(struct model *m, int to)
{
	note(m, "make", to, -1);
	fix_links(m, to);
	struct inode *in = disk_make(&m->d, path_of(to), ++m->content);
	/* numbers are used again, births are not */
	in->number = 1 + (int64_t)below(m, 40);
	for (size_t i = 0; i + 1 < m->d.inode.len; i++)
		if (m->d.inode.data[i].number == in->number && m->d.inode.data[i].links)
			in->number = 1000 + (int64_t)m->d.inode.len;
}

static void move(struct model *m, int from, int to)
{
	if (from == to || !is_alone(m, from) || (inode_at(m, to) && !is_alone(m, to)))
		return;
	note(m, "mv", from, to);
	disk_mv(&m->d, path_of(from), path_of(to));
}

static void swap(struct model *m, int a, int b)
{
	if (a == b || !is_alone(m, a) || !is_alone(m, b))
		return;
	note(m, "swap", a, b);
	disk_mv(&m->d, path_of(a), "x/1");
	disk_mv(&m->d, path_of(b), path_of(a));
	disk_mv(&m->d, "x/1", path_of(b));
}

static void fix(struct model *m, int a, int b)
{
	m->is_fixed[a] = m->is_fixed[b] = true;
}

/** To a place where nothing was, of a file that nothing else happens to in this round. */
static bool can_spread(struct model *m, int from, int to)
{
	return from != to && is_alone(m, from) && m->was[from] == inode_at(m, from) && !inode_at(m, to) &&
	       !m->was[to] && *id_of(m, from) && disk_inode(&m->d, path_of(from))->content <= m->was_content;
}

static void link_to(struct model *m, int from, int to)
{
	if (from == to || !inode_at(m, from) || m->was[from] != inode_at(m, from) || inode_at(m, to) ||
	    m->was[to])
		return;
	note(m, "ln", from, to);
	fix_links(m, from);
	m->must[from] = m->was_id[from];
	m->must[to] = *loose(m, inode_at(m, from)) ? ANY : NEW;
	m->is_link[from] = m->is_link[to] = true;
	disk_ln(&m->d, path_of(from), path_of(to));
	*loose(m, inode_at(m, to)) = true;
	fix(m, from, to);
}

static void move_to_another_disk(struct model *m, int from, int to)
{
	if (!can_spread(m, from, to))
		return;
	note(m, "mv, as cp and rm", from, to);
	int64_t id = *id_of(m, from);
	bool is_loose = *loose(m, inode_at(m, from));
	*id_of(m, from) = 0;
	disk_cp(&m->d, path_of(from), path_of(to));
	disk_rm(&m->d, path_of(from));
	*id_of(m, to) = id;
	*loose(m, inode_at(m, to)) = is_loose;
	fix(m, from, to);
}

static void change(struct model *m, int at)
{
	int i = inode_at(m, at);
	if (!i || !is_alone(m, at))
		return;
	note(m, "write", at, -1);
	m->d.inode.data[i - 1].content = ++m->content;
	m->d.inode.data[i - 1].mtime = m->d.inode.data[i - 1].ctime = ++m->d.clock;
}

static void remove_at(struct model *m, int at)
{
	if (!inode_at(m, at))
		return;
	note(m, "rm", at, -1);
	fix_links(m, at);
	disk_rm(&m->d, path_of(at));
}

static void step(struct model *m)
{
	int a = (int)below(m, PLACES), b = (int)below(m, PLACES);
	if (m->is_fixed[a] || m->is_fixed[b])
		return;
	switch (below(m, 12)) {
	case 0:
	case 1:
	case 2:
		make(m, a);
		break;
	case 3:
	case 4:
	case 5:
		move(m, a, b);
		break;
	case 6:
		swap(m, a, b);
		break;
	case 7:
		link_to(m, a, b);
		break;
	case 8:
		move_to_another_disk(m, a, b);
		break;
	case 9:
		change(m, a);
		break;
	default:
		if (below(m, 2))
			remove_at(m, a);
	}
}

/* --- scans --- */

static void shuffle(struct model *m, char *s, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = below(m, (uint32_t)i);
		char c = s[i - 1];
		s[i - 1] = s[k];
		s[k] = c;
	}
}

/** All folders, in a random order, in random pieces; some scans are killed and made again. */
static void scan_all(struct model *m)
{
	char dirs[] = "abcd", piece[8];
	size_t n = strlen(dirs);
	shuffle(m, dirs, n);
	for (size_t at = 0; at < n;) {
		size_t k = 1 + below(m, (uint32_t)(n - at));
		snprintf(piece, sizeof piece, "%.*s", (int)k, dirs + at);
		if (below(m, 20) == 0) {
			note_scan(m, "killed scan", piece);
			disk_look(&m->d, piece, true);
			shuffle(m, piece, k);
		}
		note_scan(m, "scan", piece);
		disk_scan(&m->d, piece);
		at += k;
	}
	disk_rest(&m->d);
}

/* --- what must be --- */

static bool is_there(const struct model *m, int inode)
{
	return inode && m->d.inode.data[inode - 1].links > 0;
}

/** The number that must be at a place, NEW or ANY. */
static int64_t wanted(struct model *m, int place)
{
	int64_t id = *id_of(m, place);
	int was = m->was[place], is = inode_at(m, place);
	if (m->must[place])
		return m->must[place];
	if (was == is)
		return m->was_id[place];
	if (*loose(m, is) || (was && *loose(m, was) && is_there(m, was) && !m->is_link[place]))
		return ANY;
	if (id)
		return id;
	/* a place that is known, and its file is no more; or it was one name of a file with others */
	if (was && (m->is_link[place] || !is_there(m, was)))
		return m->was_id[place];
	return NEW;
}

static void explain(struct model *m, int round, int place, int64_t is, int64_t should)
{
	for (int i = 0; i < PLACES; i++)
		if (m->was[i])
			print_error("was %s: %lld, inode %d\n", path_of(i), (long long)m->was_id[i],
				    m->was[i]);
	for (int i = 0; i < m->logs; i++)
		print_error("%s\n", m->log[i]);
	for (int i = 0; i < PLACES; i++)
		if (inode_at(m, i))
			print_error("is %s: %lld, inode %d\n", path_of(i),
				    (long long)disk_id(&m->d, path_of(i)), inode_at(m, i));
	fail_msg("round %d: %s is file %lld, not %lld", round, path_of(place), (long long)is,
		 (long long)should);
}

static void check(struct model *m, int round)
{
	int64_t last = m->last, now[PLACES] = {0};
	for (int i = 0; i < PLACES; i++) {
		now[i] = disk_id(&m->d, path_of(i));
		if (!inode_at(m, i)) {
			if (now[i])
				explain(m, round, i, now[i], 0);
			continue;
		}
		int64_t should = wanted(m, i);
		if (should == NEW ? now[i] <= last : should != ANY && now[i] != should)
			explain(m, round, i, now[i], should);
		m->last = now[i] > m->last ? now[i] : m->last;
	}
	for (int i = 0; i < PLACES; i++)
		if (inode_at(m, i) && is_alone(m, i))
			*id_of(m, i) = now[i];
	disk_check(&m->d);
	assert_int_equal(disk_count(&m->d, "file WHERE pending > 0"), 0);
}

static void start_round(struct model *m)
{
	m->logs = 0;
	m->was_content = m->content;
	for (int i = 0; i < PLACES; i++) {
		m->was[i] = inode_at(m, i);
		m->was_id[i] = m->was[i] ? disk_id(&m->d, path_of(i)) : 0;
		m->is_link[i] = m->was[i] && !is_alone(m, i);
		m->must[i] = 0;
		m->is_fixed[i] = false;
	}
}

static void files_keep_their_numbers(void **state)
{
	static struct model m;
	const char *seed = getenv("SEED");
	(void)state;
	m = (struct model){.seed = seed ? strtoull(seed, NULL, 10) : 42};
	disk_init(&m.d);
	for (int round = 0; round < ROUNDS; round++) {
		start_round(&m);
		for (uint32_t n = below(&m, STEPS) + 1; n > 0; n--)
			step(&m);
		scan_all(&m);
		check(&m, round);
		if (below(&m, 50) == 0)
			assert_int_equal(store_purge_gone(m.d.s, now_ns() + NS_PER_S), 0);
		if (below(&m, 100) == 0)
			disk_restart(&m.d);
	}
	assert_true(m.last > ROUNDS / 2);
	vec_clear(&m.id);
	vec_clear(&m.is_loose);
	disk_end(&m.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_keep_their_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
