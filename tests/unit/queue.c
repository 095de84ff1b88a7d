/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bounded queue: order, both ends, and a producer that sleeps until there is room worth waking for. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "common/clock.h"
#include "indexer/queue.h"

/** ROOM: what must be free before it takes more. */
enum { LIMIT = 64, ROOM = LIMIT / 8, MANY = 20000 };

static void *item(int n)
{
	return (void *)(intptr_t)n;
}

static int take(struct queue *q)
{
	void *taken;
	int r = queue_take(q, &taken, 0);
	return r < 0 ? r : (int)(intptr_t)taken;
}

static void test_a_full_one_keeps_its_order(void **state)
{
	struct queue *q = queue_new(LIMIT);
	(void)state;
	for (int i = 1; i <= LIMIT; i++)
		assert_int_equal(queue_offer(q, item(i), 0), 0);
	assert_int_equal(queue_offer(q, item(99), 0), -EAGAIN);
	for (int i = 1; i <= LIMIT; i++)
		assert_int_equal(take(q), i);
	assert_int_equal(take(q), -EAGAIN);
	queue_free(q, NULL);
}

struct producer {
	struct queue *q;
	_Atomic int put;
	sem_t has_begun;
};

static void *produce(void *arg)
{
	struct producer *p = arg;
	sem_post(&p->has_begun);
	for (int i = 1; i <= MANY; i++) {
		if (queue_put(p->q, item(i)) < 0)
			break;
		atomic_store(&p->put, i);
	}
	queue_finish(p->q);
	return NULL;
}

static void start(struct producer *p, pthread_t *thread)
{
	p->q = queue_new(LIMIT);
	sem_init(&p->has_begun, 0, 0);
	assert_int_equal(pthread_create(thread, NULL, produce, p), 0);
	sem_wait(&p->has_begun);
	while (queue_length(p->q) < LIMIT)
		sched_yield();
}

static void test_who_waits_for_room_is_woken_when_there_is_some(void **state)
{
	struct producer p = {0};
	pthread_t thread;
	(void)state;
	start(&p, &thread);
	for (int i = 1; i < ROOM; i++)
		assert_int_equal(take(p.q), i);
	/* it sleeps on: nothing comes, however long that is */
	nanosleep(&(struct timespec){0, 50000000}, NULL);
	assert_int_equal(queue_length(p.q), LIMIT - ROOM + 1);
	assert_int_equal(take(p.q), ROOM);
	while (queue_length(p.q) < LIMIT)
		sched_yield();
	queue_refuse(p.q);
	pthread_join(thread, NULL);
	sem_destroy(&p.has_begun);
	queue_free(p.q, NULL);
}

static void test_all_come_in_their_order(void **state)
{
	struct producer p = {0};
	pthread_t thread;
	void *taken;
	int n = 0;
	(void)state;
	start(&p, &thread);
	while (queue_take(p.q, &taken, -1) == 0)
		assert_int_equal((int)(intptr_t)taken, ++n);
	assert_int_equal(n, MANY);
	pthread_join(thread, NULL);
	sem_destroy(&p.has_begun);
	queue_free(p.q, NULL);
}

static bool is_odd(void *arg, void *taken)
{
	(void)arg;
	return (intptr_t)taken % 2;
}

/** Its items lie around the end of its space. */
static void test_a_sifted_one_takes_more(void **state)
{
	struct producer p = {0};
	pthread_t thread;
	(void)state;
	start(&p, &thread);
	for (int i = 1; i <= LIMIT / 2; i++)
		assert_int_equal(take(p.q), i);
	while (queue_length(p.q) < LIMIT)
		sched_yield();
	queue_sift(p.q, is_odd, NULL);
	while (queue_length(p.q) < LIMIT)
		sched_yield();
	for (int i = LIMIT / 2 + 1; i <= LIMIT / 2 + LIMIT; i += 2)
		assert_int_equal(take(p.q), i);
	assert_int_equal(take(p.q), LIMIT / 2 + LIMIT + 1);
	queue_refuse(p.q);
	pthread_join(thread, NULL);
	sem_destroy(&p.has_begun);
	queue_free(p.q, NULL);
}

static void test_an_offer_waits_as_long_as_it_was_told(void **state)
{
	struct queue *q = queue_new(1);
	(void)state;
	assert_int_equal(queue_offer(q, item(1), 50), 0);
	int64_t start = mono_ns();
	assert_int_equal(queue_offer(q, item(2), 50), -EAGAIN);
	assert_true(mono_ns() - start >= 50 * NS_PER_MS);
	queue_free(q, NULL);
}

/** Somebody else does not wait for so much, and fills the room that there is. */
static void test_an_offer_takes_no_wake_from_who_waits(void **state)
{
	struct producer p = {0};
	pthread_t thread;
	(void)state;
	start(&p, &thread);
	nanosleep(&(struct timespec){0, 50000000}, NULL);
	assert_int_equal(take(p.q), 1);
	assert_int_equal(take(p.q), 2);
	assert_int_equal(queue_offer(p.q, item(99), 10), 0);
	while (queue_length(p.q) > 1)
		take(p.q);
	take(p.q);
	for (int i = 0; i < 1000 && queue_length(p.q) < LIMIT; i++)
		nanosleep(&(struct timespec){0, 5000000}, NULL);
	assert_int_equal(queue_length(p.q), LIMIT);
	queue_refuse(p.q);
	pthread_join(thread, NULL);
	sem_destroy(&p.has_begun);
	queue_free(p.q, NULL);
}

static void test_one_item(void **state)
{
	struct queue *q = queue_new(1);
	(void)state;
	for (int i = 1; i < 4; i++) {
		assert_int_equal(queue_put(q, item(i)), 0);
		assert_int_equal(queue_offer(q, item(9), 1), -EAGAIN);
		assert_int_equal(take(q), i);
	}
	queue_finish(q);
	assert_int_equal(queue_put(q, item(4)), -EPIPE);
	assert_int_equal(take(q), -EPIPE);
	queue_free(q, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_one_keeps_its_order),
		cmocka_unit_test(test_who_waits_for_room_is_woken_when_there_is_some),
		cmocka_unit_test(test_all_come_in_their_order),
		cmocka_unit_test(test_a_sifted_one_takes_more),
		cmocka_unit_test(test_an_offer_waits_as_long_as_it_was_told),
		cmocka_unit_test(test_an_offer_takes_no_wake_from_who_waits),
		cmocka_unit_test(test_one_item),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
