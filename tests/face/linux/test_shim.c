/* SPDX-License-Identifier: ISC */
/*
 * The Linux shim's headers without a body: arithmetic, bits, lists, byte order, unaligned numbers, locks.
 *
 * What is right is said by the definition, bit by bit and byte by byte, or by an array beside the list.
 */
#include "support.h"

#include <asm/barrier.h>
#include <asm/byteorder.h>
#include <asm/page.h>
#include <asm/unaligned.h>
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <pthread.h>

static struct mete_linux here;
METE_LINUX_HERE(here);

MODULE_LICENSE("ISC");
MODULE_DESCRIPTION("a module of its own");

static int begun, ended;

static int __init begin(void)
{
	return ++begun == 1 ? 0 : -EBUSY;
}

static void __exit finish(void)
{
	ended++;
}

module_init(begin);
module_exit(finish);
EXPORT_SYMBOL_GPL(finish);

static void test_a_module_has_two_ends(void **state)
{
	(void)state;
	assert_int_equal(init_module(), 0);
	assert_int_equal(init_module(), -EBUSY);
	cleanup_module();
	assert_int_equal(begun, 2);
	assert_int_equal(ended, 1);
	assert_null(THIS_MODULE);
}

struct outer {
	int before;
	struct list_head link;
	int inner;
};

static void test_members_lead_to_their_struct(void **state)
{
	struct outer outer;
	const int *inner = &outer.inner;
	(void)state;

	assert_ptr_equal(container_of(&outer.inner, struct outer, inner), &outer);
	assert_ptr_equal(container_of(inner, struct outer, inner), &outer);
	assert_ptr_equal(list_entry(&outer.link, struct outer, link), &outer);
}

static unsigned evaluated;

static int once(int v)
{
	evaluated++;
	return v;
}

static void test_arithmetic_is_as_defined(void **state)
{
	static const char array[7];
	int a = 3, b = 5;
	(void)state;

	assert_int_equal(ARRAY_SIZE(array), 7);
	assert_int_equal(min(once(3), once(-4)), -4);
	assert_int_equal(evaluated, 2);
	assert_int_equal(max(min(1, 9), min(2, max(3, 0))), 2);
	assert_int_equal(min3(5, 4, 6), 4);
	assert_int_equal(max3(5, 4, 6), 6);
	assert_int_equal(min_t(u8, 0x101, 5), 1);
	assert_int_equal(max_t(u16, 0x10001, 5), 5);
	assert_int_equal(clamp(0, 2, 9), 2);
	assert_int_equal(clamp(10, 2, 9), 9);
	assert_int_equal(clamp(3, 2, 9), 3);
	assert_int_equal(clamp_val(a, 4, 9), 4);
	swap(a, b);
	assert_int_equal(a * 10 + b, 53);
	for (unsigned n = 0; n < 100; n++) {
		unsigned ups = 0, aligned = 0;
		while (ups * 7 < n)
			ups++;
		while (aligned < n)
			aligned += 16;
		assert_int_equal(DIV_ROUND_UP(n, 7), ups);
		assert_int_equal(roundup(n, 7), ups * 7);
		assert_int_equal(rounddown(n, 7), n - n % 7);
		assert_int_equal(ALIGN(n, 16), aligned);
		assert_int_equal(round_up(n, 16), aligned);
		assert_int_equal(ALIGN_DOWN(n, 16), n - n % 16);
		assert_int_equal(IS_ALIGNED(n, 16), n % 16 == 0);
	}
	/* An alignment of 32 bits does not cut 64. */
	assert_true(ALIGN(0x123456789abcull, 0x1000u) == 0x12345678a000ull);
	assert_true(ALIGN_DOWN(0x123456789abcull, 0x1000u) == 0x123456789000ull);
	assert_int_equal(upper_32_bits(0x123456789abcull), 0x1234);
	assert_int_equal(lower_32_bits(0x123456789abcull), 0x56789abc);
	assert_int_equal(upper_32_bits((u32)~0u), 0);
	assert_int_equal(upper_16_bits(0x12345678u), 0x1234);
	assert_int_equal(lower_16_bits(0x12345678u), 0x5678);
}

static void test_error_pointers_are_the_last_addresses(void **state)
{
	int local;
	(void)state;

	for (long error = 1; error <= 4095; error++) {
		assert_true(IS_ERR(ERR_PTR(-error)));
		assert_int_equal(PTR_ERR(ERR_PTR(-error)), -error);
		assert_int_equal(PTR_ERR_OR_ZERO(ERR_CAST(ERR_PTR(-error))), -error);
	}
	assert_int_equal(MAX_ERRNO, 4095);
	assert_false(IS_ERR(ERR_PTR(-4096)));
	assert_false(IS_ERR(NULL) || IS_ERR(&local) || IS_ERR_OR_NULL(&local));
	assert_true(IS_ERR_OR_NULL(NULL) && IS_ERR_OR_NULL(ERR_PTR(-EIO)));
	assert_int_equal(PTR_ERR_OR_ZERO(&local), 0);
}

#define NBITS 200

/* The same bits as an array of bool. */
static void check_bits(const unsigned long *bits, const bool *want)
{
	unsigned long next[2] = { NBITS, NBITS };

	for (unsigned long i = NBITS; i-- > 0;) {
		next[want[i]] = i;
		assert_int_equal(test_bit(i, bits), want[i]);
		assert_int_equal(find_next_bit(bits, NBITS, i), next[1]);
		assert_int_equal(find_next_zero_bit(bits, NBITS, i), next[0]);
	}
	assert_int_equal(find_first_bit(bits, NBITS), next[1]);
	assert_int_equal(find_first_zero_bit(bits, NBITS), next[0]);
	assert_int_equal(find_next_bit(bits, NBITS, NBITS), NBITS);
	assert_int_equal(find_next_zero_bit(bits, NBITS, NBITS + 100), NBITS);
}

static void test_bits_of_arrays_are_those_that_were_set(void **state)
{
	DECLARE_BITMAP(bits, NBITS);
	bool want[NBITS] = { false };
	unsigned seed = 4711, n = 0;
	unsigned long i;
	(void)state;

	memset(bits, 0, sizeof bits);
	assert_true(sizeof bits * 8 >= NBITS && sizeof bits * 8 < NBITS + BITS_PER_LONG);
	check_bits(bits, want);
	for (unsigned step = 0; step < 600; step++) {
		seed = seed * 1103515245 + 12345;
		unsigned long at = (seed >> 16) % NBITS;
		bool old = want[at];
		switch (step % 9) {
		case 0: set_bit(at, bits); want[at] = true; break;
		case 1: __set_bit(at, bits); want[at] = true; break;
		case 2: clear_bit(at, bits); want[at] = false; break;
		case 3: change_bit(at, bits); want[at] = !old; break;
		case 4: assert_int_equal(test_and_set_bit(at, bits), old); want[at] = true; break;
		case 5: assert_int_equal(test_and_clear_bit(at, bits), old); want[at] = false; break;
		case 6: assert_int_equal(test_and_change_bit(at, bits), old); want[at] = !old; break;
		case 7: assert_int_equal(__test_and_set_bit(at, bits), old); want[at] = true; break;
		case 8: __clear_bit(at, bits); want[at] = false; break;
		}
		check_bits(bits, want);
	}
	for_each_set_bit(i, bits, NBITS) {
		assert_true(want[i]);
		n++;
	}
	for (i = 0; i < NBITS; i++)
		n -= want[i];
	assert_int_equal(n, 0);
}

static void test_a_search_ends_where_it_is_told(void **state)
{
	unsigned long bits[2] = { 0, BIT(3) };
	(void)state;

	assert_int_equal(find_first_bit(bits, BITS_PER_LONG + 2), BITS_PER_LONG + 2);
	assert_int_equal(find_first_bit(bits, BITS_PER_LONG + 3), BITS_PER_LONG + 3);
	assert_int_equal(find_first_bit(bits, BITS_PER_LONG + 4), BITS_PER_LONG + 3);
	bits[0] = ~0ul;
	assert_int_equal(find_first_zero_bit(bits, BITS_PER_LONG), BITS_PER_LONG);
	assert_int_equal(find_first_zero_bit(bits, 5), 5);
	assert_int_equal(find_first_zero_bit(bits, 0), 0);
}

static void test_bits_of_words_are_as_defined(void **state)
{
	volatile unsigned long most = ~0ul; /* compilers know no better than the CPU */
	(void)state;

	assert_int_equal(ffs(0), 0);
	assert_int_equal(fls(0), 0);
	assert_int_equal(fls64(0), 0);
	assert_int_equal(ilog2(0), -1);
	assert_int_equal(__ffs(0), BITS_PER_LONG);
	assert_int_equal(__fls(0), BITS_PER_LONG);
	assert_int_equal(ffz(~0ul), BITS_PER_LONG);
	for (unsigned i = 0; i < 32; i++) {
		u32 low = 1u << i, all = low | (low - 1);
		assert_int_equal(ffs((int)~(low - 1)), (int)i + 1);
		assert_int_equal(fls(all), i + 1);
		assert_int_equal(__fls(all), i);
		assert_int_equal(__ffs(low), i);
		assert_int_equal(ffz(low - 1), i);
		assert_int_equal(ilog2(all), i);
		assert_int_equal(hweight32(all), i + 1);
		assert_int_equal(hweight8(all), i < 8 ? i + 1 : 8);
		assert_int_equal(hweight16(all), i < 16 ? i + 1 : 16);
		assert_int_equal(rol32(0x80000001u, i), i ? 0x80000001u << i | 0x80000001u >> (32 - i) : 0x80000001u);
		assert_int_equal(ror32(rol32(0x1234567u, i), i), 0x1234567);
	}
	assert_int_equal(fls64(1ull << 63), 64);
	assert_int_equal(hweight64(~0ull), 64);
	assert_true(GENMASK(7, 4) == 0xf0 && GENMASK(BITS_PER_LONG - 1, 0) == ~0ul && GENMASK_ULL(63, 60) == 0xfull << 60);
	assert_true(BIT_ULL(40) == 1ull << 40);
	for (unsigned long n = 1; n < 1000; n++) {
		unsigned long up = 1, log = 0;
		for (; up < n; up *= 2)
			log++;
		assert_int_equal(roundup_pow_of_two(n), up);
		assert_int_equal(rounddown_pow_of_two(n), up == n ? n : up / 2);
		assert_int_equal(order_base_2(n), log);
		assert_int_equal(is_power_of_2(n), up == n);
	}
	assert_int_equal(roundup_pow_of_two(0), 0);
	assert_int_equal(roundup_pow_of_two(most), 0);
	assert_true(roundup_pow_of_two((most >> 1) + 1) == (~0ul >> 1) + 1);
	assert_false(is_power_of_2(0));
}

struct item {
	int value;
	struct list_head link;
	struct hlist_node node;
};

/* Forwards and backwards the list has the `n` values, and nothing else. */
static void check_list(const struct list_head *head, const int *want, size_t n)
{
	const struct item *item;
	size_t i = 0;

	list_for_each_entry(item, head, link)
		assert_int_equal(item->value, want[i++]);
	assert_int_equal(i, n);
	list_for_each_entry_reverse(item, head, link)
		assert_int_equal(item->value, want[--i]);
	assert_int_equal(i, 0);
	assert_int_equal(list_empty(head), n == 0);
	assert_int_equal(list_is_singular(head), n == 1);
}
#define CHECK_LIST(head, ...)                                                                                          \
	check_list(head, (const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static void test_lists_are_in_the_order_that_was_made(void **state)
{
	struct item item[6], other = { .value = 9 }, *at, *next;
	LIST_HEAD(a);
	struct list_head b;
	(void)state;

	INIT_LIST_HEAD(&b);
	check_list(&a, NULL, 0);
	assert_null(list_first_entry_or_null(&a, struct item, link));
	for (int i = 0; i < 6; i++) {
		item[i].value = i;
		if (i < 3)
			list_add(&item[i].link, &a);
		else
			list_add_tail(&item[i].link, &b);
	}
	CHECK_LIST(&a, 2, 1, 0);
	CHECK_LIST(&b, 3, 4, 5);
	assert_ptr_equal(list_first_entry(&a, struct item, link), &item[2]);
	assert_ptr_equal(list_first_entry_or_null(&a, struct item, link), &item[2]);
	assert_ptr_equal(list_last_entry(&a, struct item, link), &item[0]);
	assert_ptr_equal(list_next_entry(&item[2], link), &item[1]);
	assert_ptr_equal(list_prev_entry(&item[0], link), &item[1]);
	assert_true(list_is_first(&item[2].link, &a) && list_is_last(&item[0].link, &a) && !list_is_last(&item[1].link, &a));

	list_move(&item[4].link, &a);
	list_move_tail(&item[2].link, &b);
	CHECK_LIST(&a, 4, 1, 0);
	CHECK_LIST(&b, 3, 5, 2);
	list_replace(&item[5].link, &other.link);
	CHECK_LIST(&b, 3, 9, 2);
	list_splice_init(&b, &a);
	CHECK_LIST(&a, 3, 9, 2, 4, 1, 0);
	check_list(&b, NULL, 0);
	list_splice(&b, &a); /* nothing */
	list_for_each_entry_safe(at, next, &a, link) {
		if (at->value % 2)
			list_move_tail(&at->link, &b);
	}
	CHECK_LIST(&a, 2, 4, 0);
	CHECK_LIST(&b, 3, 9, 1);
	list_splice_tail_init(&b, &a);
	CHECK_LIST(&a, 2, 4, 0, 3, 9, 1);
	list_del(&item[4].link);
	assert_null(item[4].link.next);
	list_del_init(&other.link);
	assert_true(list_empty(&other.link));
	list_del_init(&other.link); /* again: nothing */
	CHECK_LIST(&a, 2, 0, 3, 1);
}

static void check_hlist(const struct hlist_head *head, const int *want, size_t n)
{
	const struct item *item;
	size_t i = 0;

	hlist_for_each_entry(item, head, node) {
		assert_true(i < n);
		assert_int_equal(item->value, want[i++]);
		assert_ptr_equal(*item->node.pprev, &item->node);
	}
	assert_int_equal(i, n);
	assert_int_equal(hlist_empty(head), n == 0);
}
#define CHECK_HLIST(head, ...)                                                                                         \
	check_hlist(head, (const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static void test_hash_lists_are_in_the_order_that_was_made(void **state)
{
	struct item item[4], *at;
	struct hlist_node *next;
	HLIST_HEAD(head);
	(void)state;

	for (int i = 0; i < 4; i++) {
		item[i].value = i;
		INIT_HLIST_NODE(&item[i].node);
		assert_true(hlist_unhashed(&item[i].node));
	}
	check_hlist(&head, NULL, 0);
	hlist_add_head(&item[0].node, &head);
	hlist_add_head(&item[1].node, &head);
	hlist_add_before(&item[2].node, &item[0].node);
	hlist_add_behind(&item[3].node, &item[0].node);
	CHECK_HLIST(&head, 1, 2, 0, 3);
	hlist_del_init(&item[2].node);
	hlist_del_init(&item[2].node);
	assert_true(hlist_unhashed(&item[2].node) && !hlist_unhashed(&item[3].node));
	CHECK_HLIST(&head, 1, 0, 3);
	hlist_for_each_entry_safe(at, next, &head, node)
		hlist_del(&at->node);
	check_hlist(&head, NULL, 0);
}

static const __le32 constant = cpu_to_le32(0x01020304);

static void test_numbers_have_the_order_they_are_said_to_have(void **state)
{
	static const u8 up[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const u8 down[8] = { 8, 7, 6, 5, 4, 3, 2, 1 };
	u8 bytes[9];
	(void)state;

	assert_memory_equal(&constant, (&(const u8[]){ 4, 3, 2, 1 }), 4);
	__le16 l16 = cpu_to_le16(0x0708);
	__le32 l32 = cpu_to_le32(0x05060708);
	__le64 l64 = cpu_to_le64(0x0102030405060708);
	assert_memory_equal(&l16, down, 2);
	assert_memory_equal(&l32, down, 4);
	assert_memory_equal(&l64, down, 8);
	__be16 b16 = cpu_to_be16(0x0102);
	__be32 b32 = cpu_to_be32(0x01020304);
	__be64 b64 = cpu_to_be64(0x0102030405060708);
	assert_memory_equal(&b16, up, 2);
	assert_memory_equal(&b32, up, 4);
	assert_memory_equal(&b64, up, 8);
	assert_int_equal(le16_to_cpu(l16), 0x0708);
	assert_int_equal(le32_to_cpup(&l32), 0x05060708);
	assert_true(le64_to_cpu(l64) == 0x0102030405060708 && be64_to_cpup(&b64) == 0x0102030405060708);
	assert_int_equal(be16_to_cpu(b16), 0x0102);
	assert_int_equal(be32_to_cpu(b32), 0x01020304);

	put_unaligned_le64(0x0102030405060708, bytes + 1);
	assert_memory_equal(bytes + 1, down, 8);
	assert_true(get_unaligned_le64(bytes + 1) == 0x0102030405060708);
	put_unaligned_be64(0x0102030405060708, bytes + 1);
	assert_memory_equal(bytes + 1, up, 8);
	assert_true(get_unaligned_be64(bytes + 1) == 0x0102030405060708);
	assert_int_equal(get_unaligned_le16(bytes + 1), 0x0201);
	assert_int_equal(get_unaligned_be16(bytes + 1), 0x0102);
	assert_int_equal(get_unaligned_le32(bytes + 1), 0x04030201);
	assert_int_equal(get_unaligned_be32(bytes + 1), 0x01020304);
	put_unaligned_le16(0x0203, bytes + 1);
	put_unaligned_be16(0x0405, bytes + 3);
	put_unaligned_le32(0x06070809, bytes + 5);
	assert_memory_equal(bytes + 1, (&(const u8[]){ 3, 2, 4, 5, 9, 8, 7, 6 }), 8);
	put_unaligned_be32(0x06070809, bytes + 5);
	assert_memory_equal(bytes + 5, (&(const u8[]){ 6, 7, 8, 9 }), 4);
}

static void test_strings_are_copied_as_far_as_there_is_room(void **state)
{
	char to[4] = "xxx";
	(void)state;

	assert_int_equal(strscpy(to, "abc", sizeof to), 3);
	assert_string_equal(to, "abc");
	assert_int_equal(strscpy(to, "defg", sizeof to), -E2BIG);
	assert_string_equal(to, "def");
	assert_int_equal(strscpy(to, "z", 0), -E2BIG);
	assert_string_equal(to, "def");
	memzero_explicit(to, 2);
	assert_memory_equal(to, "\0\0f", 4);
}

#define ROUNDS 100000

struct shared {
	spinlock_t spin;
	struct mutex mutex;
	unsigned long by_spin, by_mutex, bits[1], claimed;
	int message, ready;
	unsigned nhere;
};

/* Increments that are not atomic: without the locks some would be lost. */
static void *work(void *arg)
{
	struct shared *s = arg;
	unsigned long flags;

	(void)__atomic_fetch_add(&s->nhere, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&s->nhere, __ATOMIC_SEQ_CST) < 2) /* both at once */
		mete_shim_relax();
	for (unsigned i = 0; i < ROUNDS; i++) {
		spin_lock_irqsave(&s->spin, flags);
		WRITE_ONCE(s->by_spin, READ_ONCE(s->by_spin) + 1);
		spin_unlock_irqrestore(&s->spin, flags);
		mutex_lock(&s->mutex);
		WRITE_ONCE(s->by_mutex, READ_ONCE(s->by_mutex) + 1);
		mutex_unlock(&s->mutex);
		while (test_and_set_bit(0, s->bits))
			continue;
		WRITE_ONCE(s->claimed, READ_ONCE(s->claimed) + 1);
		(void)test_and_clear_bit(0, s->bits);
	}
	return NULL;
}

static void test_locks_keep_others_out(void **state)
{
	static DEFINE_SPINLOCK(spin);
	static DEFINE_MUTEX(mutex);
	struct shared s;
	pthread_t other;
	(void)state;

	memset(&s, 0, sizeof s);
	spin_lock_init(&s.spin);
	mutex_init(&s.mutex);
	assert_int_equal(pthread_create(&other, NULL, work, &s), 0);
	work(&s);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(s.by_spin, 2 * ROUNDS);
	assert_int_equal(s.by_mutex, 2 * ROUNDS);
	assert_int_equal(s.claimed, 2 * ROUNDS);

	spin_lock(&spin);
	assert_true(spin_is_locked(&spin) && !spin_trylock(&spin));
	spin_unlock(&spin);
	assert_true(spin_trylock(&spin));
	spin_unlock_irq(&spin);
	spin_lock_bh(&spin);
	spin_unlock_bh(&spin);
	assert_false(spin_is_locked(&spin));
	assert_true(mutex_trylock(&mutex) && !mutex_trylock(&mutex) && mutex_is_locked(&mutex));
	mutex_unlock(&mutex);
	mutex_destroy(&mutex);
}

static void *say(void *arg)
{
	struct shared *s = arg;

	s->message = 42;
	smp_store_release(&s->ready, 1);
	return NULL;
}

static void test_what_was_released_is_seen_by_who_acquires(void **state)
{
	struct shared s;
	pthread_t other;
	(void)state;

	memset(&s, 0, sizeof s);
	assert_int_equal(pthread_create(&other, NULL, say, &s), 0);
	while (!smp_load_acquire(&s.ready))
		mete_shim_relax();
	assert_int_equal(s.message, 42);
	assert_int_equal(pthread_join(other, NULL), 0);
}

static unsigned nbarriers;

/* In place of the host's. */
void mete_shim_barrier(void)
{
	nbarriers++;
}

/* Whether the machine is told of the statement. */
#define TELLS(statement) (nbarriers = 0, (statement), nbarriers == 1)
#define TELLS_NOT(statement) (nbarriers = 0, (statement), nbarriers == 0)

/* What is between CPUs, or between loads, lets no store out to a device. */
static void test_barriers_between_stores_reach_the_machine(void **state)
{
	int word = 0;
	(void)state;

	assert_true(TELLS(mb()));
	assert_true(TELLS(wmb()));
	assert_true(TELLS(dma_mb()));
	assert_true(TELLS(dma_wmb()));
	assert_true(TELLS_NOT(rmb()));
	assert_true(TELLS_NOT(dma_rmb()));
	assert_true(TELLS_NOT(smp_mb()));
	assert_true(TELLS_NOT(smp_rmb()));
	assert_true(TELLS_NOT(smp_wmb()));
	assert_true(TELLS_NOT(smp_mb__before_atomic()));
	assert_true(TELLS_NOT(smp_mb__after_atomic()));
	assert_true(TELLS_NOT(smp_store_release(&word, 1)));
	nbarriers = 0;
	barrier();
	assert_int_equal(nbarriers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_module_has_two_ends),
		cmocka_unit_test(test_members_lead_to_their_struct),
		cmocka_unit_test(test_arithmetic_is_as_defined),
		cmocka_unit_test(test_error_pointers_are_the_last_addresses),
		cmocka_unit_test(test_bits_of_arrays_are_those_that_were_set),
		cmocka_unit_test(test_a_search_ends_where_it_is_told),
		cmocka_unit_test(test_bits_of_words_are_as_defined),
		cmocka_unit_test(test_lists_are_in_the_order_that_was_made),
		cmocka_unit_test(test_hash_lists_are_in_the_order_that_was_made),
		cmocka_unit_test(test_numbers_have_the_order_they_are_said_to_have),
		cmocka_unit_test(test_strings_are_copied_as_far_as_there_is_room),
		cmocka_unit_test(test_locks_keep_others_out),
		cmocka_unit_test(test_what_was_released_is_seen_by_who_acquires),
		cmocka_unit_test(test_barriers_between_stores_reach_the_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
