/* SPDX-License-Identifier: ISC */
/*
 * The shim of each BSD: bus_space(9) over registers of the test's own, and the kernel's functions over hooks of the test's
 * own.  Compiled once for each; what differs between them is between #if and #endif.
 */
#include "support.h"

#include <limits.h>

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/endian.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <machine/bus.h>

#define OPENBSD 3
#define NETBSD 4
#define FREEBSD 5

#if METE_FACE == FREEBSD
#include <machine/atomic.h>
#else
#include <sys/atomic.h>
#endif
#if METE_FACE == OPENBSD
#include <sys/device.h>
#endif
#if METE_FACE == NETBSD
#include <sys/kmem.h>
#endif

#if METE_FACE == OPENBSD
#define FREE(p, size) free(p, M_DEVBUF, size)
#else
#define FREE(p, size) free(p, M_DEVBUF)
#endif

/* The program's own hooks, in place of the host's. */
static struct {
	char said[256];
	size_t nsaid;
	uint64_t delayed;     /* nanoseconds */
	unsigned nbarriers;
	int level;
	size_t nlive, last_len;
	bool empty;          /* there is no memory */
	jmp_buf *halted;
} here;

int mete_shim_vprintf(int level, const char *format, va_list args)
{
	int len = vsnprintf(here.said + here.nsaid, sizeof(here.said) - here.nsaid, format, args);

	here.nsaid += (size_t)len;
	here.level = level;
	return len;
}

void mete_shim_delay(uint64_t ns, bool may_sleep)
{
	assert_false(may_sleep); /* none of their delays may */
	here.delayed += ns;
}

static unsigned char arena[4096];

/* One piece of memory is enough; it is never clean. */
void *mete_shim_alloc(size_t len)
{
	here.last_len = len;
	if (here.empty || here.nlive || len > sizeof(arena))
		return NULL;
	here.nlive++;
	memset(arena, 0xa5, sizeof(arena));
	return arena;
}

void mete_shim_free(void *memory)
{
	if (!memory)
		return;
	assert_ptr_equal(memory, arena);
	here.nlive--;
}

void mete_shim_halt(void)
{
	longjmp(*here.halted, 1);
}

void mete_shim_barrier(void)
{
	here.nbarriers++;
}

static int setup(void **state)
{
	(void)state;
	memset(&here, 0, sizeof(here));
	return 0;
}

/* Registers: bytes, of which the last four are a FIFO that counts. */
#define NREGISTERS 64u
#define FIFO 60u

struct model {
	unsigned char byte[NREGISTERS];
	uint64_t next;
	unsigned naccesses, nrelaxed;
};

static int model_read(void *ctx, uint64_t offset, unsigned width, uint64_t *ret_value)
{
	struct model *model = ctx;

	model->naccesses++;
	*ret_value = 0;
	for (unsigned i = 0; i < width; i++)
		*ret_value |= (uint64_t)model->byte[offset + i] << 8 * i;
	if (offset == FIFO)
		*ret_value = model->next++;
	return 0;
}

static int model_write(void *ctx, uint64_t offset, unsigned width, uint64_t value)
{
	struct model *model = ctx;

	model->naccesses++;
	for (unsigned i = 0; i < width; i++)
		model->byte[offset + i] = (unsigned char)(value >> 8 * i);
	if (offset == FIFO)
		model->next = model->next << 8 | value;
	return 0;
}

/* Drivers here order memory by bus_dmamap_sync(), and nothing tells a machine of that: no write of theirs may be relaxed. */
static int model_write_relaxed(void *ctx, uint64_t offset, unsigned width, uint64_t value)
{
	struct model *model = ctx;

	model->nrelaxed++;
	return model_write(ctx, offset, width, value);
}

static const struct mete_registers_ops model_ops = { .read = model_read, .write = model_write,
	.write_relaxed = model_write_relaxed };

static void test_bus_space_reads_and_writes_each_width(void **state)
{
	(void)state;
	struct model model = { .naccesses = 0 };
	const struct mete_registers space = { &model_ops, &model, NREGISTERS };
	bus_space_tag_t iot = &space;
	bus_space_handle_t ioh;

	assert_int_equal(bus_space_map(iot, 0, NREGISTERS, 0, &ioh), 0);
	bus_space_write_8(iot, ioh, 8, 0x1122334455667788);
	bus_space_barrier(iot, ioh, 8, 8, BUS_SPACE_BARRIER_WRITE | BUS_SPACE_BARRIER_READ);
	assert_int_equal(bus_space_read_8(iot, ioh, 8), 0x1122334455667788);
	assert_int_equal(bus_space_read_4(iot, ioh, 8), 0x55667788);
	assert_int_equal(bus_space_read_4(iot, ioh, 12), 0x11223344);
	assert_int_equal(bus_space_read_2(iot, ioh, 10), 0x5566);
	assert_int_equal(bus_space_read_1(iot, ioh, 15), 0x11);
	bus_space_write_4(iot, ioh, 8, 0xaabbccdd);
	bus_space_write_2(iot, ioh, 12, 0xeeff);
	bus_space_write_1(iot, ioh, 14, 0x99);
	assert_int_equal(bus_space_read_8(iot, ioh, 8), 0x1199eeffaabbccdd);
	assert_int_equal(model.naccesses, 10);
	assert_int_equal(model.nrelaxed, 0);
	bus_space_unmap(iot, ioh, NREGISTERS);
}

static void test_bus_space_moves_rows_and_fifos(void **state)
{
	(void)state;
	static const uint16_t words[3] = { 0x0201, 0x0403, 0x0605 };
	static const uint8_t bytes[3] = { 1, 2, 3 };
	struct model model = { .next = 7 };
	const struct mete_registers space = { &model_ops, &model, NREGISTERS };
	uint32_t fifo[3];
	uint16_t got[3];

	bus_space_write_region_2(&space, 16, 4, words, 3);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(model.byte[20 + i], i + 1);
	bus_space_read_region_2(&space, 20, 0, got, 3);
	assert_memory_equal(got, words, sizeof(words));
	bus_space_set_region_4(&space, 0, 32, 0x5a5a5a5a, 2);
	assert_int_equal(bus_space_read_8(&space, 32, 0), 0x5a5a5a5a5a5a5a5a);
	assert_int_equal(model.byte[40], 0);

	bus_space_read_multi_4(&space, 0, FIFO, fifo, 3);
	assert_int_equal(fifo[0], 7);
	assert_int_equal(fifo[2], 9);
	model.next = 0;
	bus_space_write_multi_1(&space, 0, FIFO, bytes, 3);
	assert_int_equal(model.next, 0x010203);
	bus_space_set_multi_1(&space, 0, FIFO, 4, 2);
	assert_int_equal(model.next, 0x0102030404);

	unsigned naccesses = model.naccesses;
	bus_space_read_multi_1(&space, 0, FIFO, NULL, 0);
	bus_space_write_region_8(&space, 0, 0, NULL, 0);
	assert_int_equal(model.naccesses, naccesses);
}

static void test_bus_space_outside_the_space_is_all_ones(void **state)
{
	(void)state;
	struct model model = { .naccesses = 0 }, before;
	const struct mete_registers space = { &model_ops, &model, NREGISTERS };
	const bus_size_t far = (bus_size_t)-1;
	uint32_t row[3];

	model.byte[0] = 1;
	before = model;
	assert_int_equal(bus_space_read_4(&space, 0, NREGISTERS), 0xffffffff);
	assert_int_equal(bus_space_read_4(&space, 0, 2), 0xffffffff);
	assert_int_equal(bus_space_read_1(&space, 0, far), 0xff);
	assert_int_equal(bus_space_read_8(&space, UINT64_MAX - 7, 8), UINT64_MAX); /* the sum would be 0 */
	assert_int_equal(bus_space_read_1(&space, UINT64_MAX, 1), 0xff);
	bus_space_write_8(&space, UINT64_MAX - 7, 8, 0);
	bus_space_write_1(&space, 0, NREGISTERS, 0);
	bus_space_write_2(&space, 0, 1, 0xffff);
	bus_space_barrier(&space, UINT64_MAX, far, far, 0);
	assert_memory_equal(&model, &before, sizeof(model));

	model.byte[NREGISTERS - 8] = 5;
	bus_space_read_region_4(&space, NREGISTERS - 8, 0, row, 3);
	assert_int_equal(row[0], 5);
	assert_int_equal(row[2], 0xffffffff);
	bus_space_read_region_4(&space, UINT64_MAX - 3, 0, row, 3); /* does not come round to the first */
	assert_int_equal(row[1], 0xffffffff);
	assert_int_equal(bus_space_read_4(NULL, 0, 0), 0xffffffff);
}

static void test_bus_space_maps_and_parts_lie_in_the_space(void **state)
{
	(void)state;
	struct model model = { .naccesses = 0 };
	const struct mete_registers space = { &model_ops, &model, NREGISTERS };
	const bus_space_handle_t untouched = 0x5a;
	bus_space_handle_t part, inner = untouched;

	assert_int_equal(bus_space_subregion(&space, 0, 16, 8, &part), 0);
	assert_int_equal(bus_space_subregion(&space, part, 4, 4, &inner), 0);
	bus_space_write_4(&space, inner, 0, 0x12345678);
	assert_int_equal(bus_space_read_4(&space, 0, 20), 0x12345678);
	assert_int_equal(bus_space_map(&space, NREGISTERS - 4, 4, 0, &part), 0);
	bus_space_write_4(&space, part, 0, 9);
	assert_int_equal(model.byte[FIFO], 9);

	/* A handle does not know where its part ends. */
	assert_int_equal(bus_space_subregion(&space, 0, 16, 4, &inner), 0);
	assert_int_equal(bus_space_read_4(&space, inner, 4), 0x12345678);

	inner = untouched;
	assert_int_equal(bus_space_map(&space, 0, NREGISTERS + 1, 0, &inner), 22);
	assert_int_equal(bus_space_map(&space, NREGISTERS, 1, 0, &inner), 22);
	assert_int_equal(bus_space_map(&space, 0, 0, 0, &inner), 22);
	assert_int_equal(bus_space_map(NULL, 0, 1, 0, &inner), 22);
	assert_int_equal(bus_space_subregion(&space, 0, NREGISTERS, 1, &inner), 22);
	assert_int_equal(bus_space_subregion(&space, 16, 0, 0, &inner), 22);
	assert_int_equal(bus_space_subregion(&space, UINT64_MAX, 8, 8, &inner), 22);
	assert_int_equal(bus_space_subregion(&space, 8, (bus_size_t)-1, (bus_size_t)-1, &inner), 22);
	assert_int_equal(inner, untouched);
}

static void test_printf_goes_to_the_console_hook(void **state)
{
	(void)state;
#if METE_FACE == OPENBSD
	const struct device dev = { .dv_xname = "dev0" };
	const char *name = dev.dv_xname;
#else
	const char *name = "dev0";
#endif
	assert_int_equal(printf("%s: %d of %s\n", name, 3, "five"), 16);
	assert_string_equal(here.said, "dev0: 3 of five\n");
}

static void assert_number(int n)
{
#if METE_FACE == FREEBSD
	KASSERT(n == 5, ("n is %d", n));
#else
	KASSERTMSG(n == 5, "n is %d", n);
#endif
}

static void assert_plain(int n)
{
#if METE_FACE == FREEBSD
	MPASS(n == 5);
#else
	KASSERT(n == 5);
#endif
}

static void test_assertions_end_the_driver_and_say_why(void **state)
{
	static jmp_buf end;
	volatile int ended = 0;
	(void)state;

	here.halted = &end;
	assert_number(5);
	assert_plain(5);
	assert_int_equal(here.nsaid, 0);
	if (setjmp(end) == 0)
		assert_number(6);
	else
		ended++;
	assert_int_equal(ended, 1);
	assert_int_equal(strncmp(here.said, "panic: ", 7), 0);
	assert_non_null(strstr(here.said, "n is 6\n"));
	if (setjmp(end) == 0)
		assert_plain(7);
	else
		ended++;
	assert_int_equal(ended, 2);
	assert_non_null(strstr(here.said, "n == 5"));
	assert_non_null(strstr(here.said, "test_bsd_shim.c"));
	if (setjmp(end) == 0)
		panic("no %s", "more");
	else
		ended++;
	assert_int_equal(ended, 3);
	assert_non_null(strstr(here.said, "panic: no more\n"));
}

static void test_delays_reach_the_hook(void **state)
{
	(void)state;
	DELAY(10);
	assert_int_equal(here.delayed, 10000);
#if METE_FACE != FREEBSD
	delay(5);
	assert_int_equal(here.delayed, 15000);
#endif
#if METE_FACE == OPENBSD
	delay(-1);
	assert_int_equal(here.delayed, 15000);
#endif
}

static void test_memory_is_had_cleared_and_given_back(void **state)
{
	(void)state;
	unsigned char *p = malloc(100, M_DEVBUF, M_NOWAIT | M_ZERO);

	assert_non_null(p);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(p[100], 0xa5);
	FREE(p, 100);
	FREE(NULL, 0);
	assert_int_equal(here.nlive, 0);

	p = malloc(100, M_TEMP, M_WAITOK);
	assert_int_equal(p[0], 0xa5);
	FREE(p, 0);
	p = malloc(0, M_DEVBUF, M_NOWAIT | M_ZERO);
	assert_int_equal(here.last_len, 1);
	assert_int_equal(p[0], 0xa5);
	FREE(p, 0);

	here.empty = true;
	assert_null(malloc(100, M_DEVBUF, M_NOWAIT | M_ZERO));
	assert_null(malloc(100, M_DEVBUF, M_WAITOK));
	here.empty = false;
#if METE_FACE != NETBSD
	p = mallocarray(10, 20, M_DEVBUF, M_NOWAIT | M_ZERO);
	assert_int_equal(here.last_len, 200);
	assert_int_equal(p[199], 0);
	FREE(p, 200);
	here.last_len = 0;
	assert_null(mallocarray(SIZE_MAX / 2 + 1, 2, M_DEVBUF, M_NOWAIT));
	assert_null(mallocarray(2, SIZE_MAX / 2 + 1, M_DEVBUF, M_NOWAIT));
	assert_int_equal(here.last_len, 0); /* not even asked for */
	FREE(mallocarray(SIZE_MAX, 0, M_DEVBUF, M_NOWAIT), 0);
#else
	p = kmem_zalloc(16, KM_NOSLEEP);
	assert_int_equal(p[15], 0);
	kmem_free(p, 16);
	p = kmem_alloc(16, KM_SLEEP);
	assert_int_equal(p[15], 0xa5);
	kmem_free(p, 16);
#endif
	assert_int_equal(here.nlive, 0);
}

static void test_numbers_have_the_order_their_name_says(void **state)
{
	(void)state;
	const unsigned char little[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, big[8] = { 8, 7, 6, 5, 4, 3, 2, 1 };
	const uint64_t l = htole64(0x0807060504030201), b = htobe64(0x0807060504030201);
	const uint32_t l4 = htole32(0x04030201), b4 = htobe32(0x08070605);
	const uint16_t l2 = htole16(0x0201), b2 = htobe16(0x0807);

	assert_memory_equal(&l, little, 8);
	assert_memory_equal(&b, big, 8);
	assert_memory_equal(&l4, little, 4);
	assert_memory_equal(&b4, big, 4);
	assert_memory_equal(&l2, little, 2);
	assert_memory_equal(&b2, big, 2);
	assert_int_equal(le64toh(l), 0x0807060504030201);
	assert_int_equal(be64toh(b), 0x0807060504030201);
	assert_int_equal(le32toh(l4), 0x04030201);
	assert_int_equal(be32toh(b4), 0x08070605);
	assert_int_equal(le16toh(l2), 0x0201);
	assert_int_equal(be16toh(b2), 0x0807);
#if METE_FACE == OPENBSD
	assert_int_equal(letoh64(l), 0x0807060504030201);
	assert_int_equal(letoh32(l4), 0x04030201);
	assert_int_equal(letoh16(l2), 0x0201);
	assert_int_equal(betoh64(b), 0x0807060504030201);
	assert_int_equal(betoh32(b4), 0x08070605);
	assert_int_equal(betoh16(b2), 0x0807);
	assert_int_equal(swap16(0x1234), 0x3412);
	assert_int_equal(swap32(0x12345678), 0x78563412);
	assert_int_equal(swap64(0x12345678), 0x7856341200000000);
#else
	assert_int_equal(bswap16(0x1234), 0x3412);
	assert_int_equal(bswap32(0x12345678), 0x78563412);
	assert_int_equal(bswap64(0x12345678), 0x7856341200000000);
#endif
}

static void test_small_macros_and_functions_count_right(void **state)
{
	(void)state;
	const int three[3] = { 0 };
	const u_int32_t wide = 0xffffffff;

#if METE_FACE == NETBSD
	assert_int_equal(__arraycount(three), 3);
#else
	assert_int_equal(nitems(three), 3);
#endif
	assert_int_equal(roundup(5, 4), 8);
	assert_int_equal(roundup(8, 4), 8);
	assert_int_equal(howmany(9, 4), 3);
	assert_int_equal(howmany(8, 4), 2);
	assert_true(powerof2(8) && !powerof2(6));
	assert_int_equal(MIN(3, -1), -1);
	assert_int_equal(MAX(3, -1), 3);
	assert_int_equal(min(3, wide), 3);
	assert_int_equal(max(3, wide), wide);
	assert_int_equal(imin(3, -1), -1);
	assert_int_equal(imax(3, -1), 3);
	assert_int_equal(lmin(LONG_MIN, 0), LONG_MIN);
	assert_int_equal(lmax(LONG_MIN, 0), 0);
	assert_int_equal(ulmin(ULONG_MAX, 1), 1);
	assert_true(ulmax(ULONG_MAX, 1) == ULONG_MAX);
	assert_int_equal(PAGE_SIZE, 4096);
	assert_int_equal(PAGE_MASK, 4095);
	assert_int_equal(1 << PAGE_SHIFT, 4096);
#if METE_FACE != OPENBSD
	assert_int_equal(roundup2(5, 4), 8);
	assert_int_equal(rounddown(7, 3), 6);
#endif
}

static void test_queues_can_lose_the_element_at_hand(void **state)
{
	(void)state;
	struct item {
		TAILQ_ENTRY(item) link;
		int value;
	} items[4], *at, *next;
	TAILQ_HEAD(, item) head = TAILQ_HEAD_INITIALIZER(head);
	int sum = 0;

	for (int i = 0; i < 4; i++) {
		items[i].value = i;
		TAILQ_INSERT_TAIL(&head, &items[i], link);
	}
	TAILQ_FOREACH_SAFE(at, &head, link, next) {
		sum = sum * 10 + at->value;
		TAILQ_REMOVE(&head, at, link);
		memset(at, 0xff, sizeof(*at));
	}
	assert_int_equal(sum, 123);
	assert_true(TAILQ_EMPTY(&head));
}

/* Whether the machine is told of the statement. */
#define TELLS(statement) (here.nbarriers = 0, (statement), here.nbarriers == 1)
#define TELLS_NOT(statement) (here.nbarriers = 0, (statement), here.nbarriers == 0)

/* What a fence keeps apart, a single thread cannot see; that the machine is told, it can. */
static void test_barriers_between_stores_reach_the_machine(void **state)
{
	(void)state;

#if METE_FACE == FREEBSD
	assert_true(TELLS(mb()));
	assert_true(TELLS_NOT(rmb()));
	assert_true(TELLS(wmb()));
	assert_true(TELLS_NOT(atomic_thread_fence_acq()));
	assert_true(TELLS(atomic_thread_fence_rel()));
	assert_true(TELLS(atomic_thread_fence_acq_rel()));
	assert_true(TELLS(atomic_thread_fence_seq_cst()));
#else
	assert_true(TELLS(membar_producer()));
	assert_true(TELLS_NOT(membar_consumer()));
	assert_true(TELLS(membar_enter()));
	assert_true(TELLS(membar_exit()));
	assert_true(TELLS(membar_sync()));
#endif
#if METE_FACE == NETBSD
	assert_true(TELLS_NOT(membar_acquire()));
	assert_true(TELLS(membar_release()));
#endif
	assert_true(TELLS(bus_space_barrier(NULL, 0, 0, 4, BUS_SPACE_BARRIER_WRITE)));
	assert_true(TELLS(bus_space_barrier(NULL, 0, 0, 4, BUS_SPACE_BARRIER_READ)));
}

/* Functions of the test's own, where a declaration of the native ones would not compile. */
#define ABSENT(name) \
	static int name(void) \
	{ \
		return 1; \
	}
ABSENT(tsleep)
ABSENT(wakeup)
ABSENT(splnet)
ABSENT(timeout_add)
ABSENT(device_printf)
ABSENT(aprint_normal)
ABSENT(bus_space_read_stream_4)
ABSENT(bus_space_copy_4)
ABSENT(bus_space_vaddr)
ABSENT(bus_space_mmap)
ABSENT(bus_space_alloc)
ABSENT(bus_read_4)

static void test_absent_shim_calls_are_not_declared(void **state)
{
	(void)state;
	assert_int_equal(tsleep() + wakeup() + splnet() + timeout_add() + device_printf() +
	    aprint_normal() + bus_space_read_stream_4() + bus_space_copy_4() + bus_space_vaddr() +
	    bus_space_mmap() + bus_space_alloc() + bus_read_4(), 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bus_space_reads_and_writes_each_width, setup),
		cmocka_unit_test_setup(test_bus_space_moves_rows_and_fifos, setup),
		cmocka_unit_test_setup(test_bus_space_outside_the_space_is_all_ones, setup),
		cmocka_unit_test_setup(test_bus_space_maps_and_parts_lie_in_the_space, setup),
		cmocka_unit_test_setup(test_printf_goes_to_the_console_hook, setup),
		cmocka_unit_test_setup(test_assertions_end_the_driver_and_say_why, setup),
		cmocka_unit_test_setup(test_delays_reach_the_hook, setup),
		cmocka_unit_test_setup(test_memory_is_had_cleared_and_given_back, setup),
		cmocka_unit_test_setup(test_numbers_have_the_order_their_name_says, setup),
		cmocka_unit_test_setup(test_small_macros_and_functions_count_right, setup),
		cmocka_unit_test_setup(test_queues_can_lose_the_element_at_hand, setup),
		cmocka_unit_test_setup(test_barriers_between_stores_reach_the_machine, setup),
		cmocka_unit_test_setup(test_absent_shim_calls_are_not_declared, setup),
	};
	return cmocka_run_group_tests_name("shim", tests, NULL, NULL);
}
