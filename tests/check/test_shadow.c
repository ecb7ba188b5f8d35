/* SPDX-License-Identifier: ISC */
/*
 * Shadows: test_shadow asan|trap.  What the CPU does to memory that a device owns is caught where it is done, by the name of
 * its misuse; what it may do is not.  The device writes by the host's second mapping.
 *
 * Each access that is to be caught stands on a line of its own, which the report must name.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, sigaction() */
#include "told.h"

#include <mete/map.h>
#include <mete/pool.h>

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

static enum mete_shadow shadow;
static unsigned line; /* of the last access */

#define WRITE(at, value) (line = __LINE__, *(volatile unsigned char *)(at) = (value))
#define READ(at) (line = __LINE__, *(volatile const unsigned char *)(at))

static void start(struct world *w)
{
	const struct mete_host_config twice = { .twice = true };
	world_start(w, &twice, METE_LEVEL_SHADOW, shadow);
}

static unsigned char *memory(struct world *w, size_t len)
{
	void *cpu;

	assert_ok(mete_device_alloc(&w->device, NULL, len, METE_MEMORY_CACHED, METE_ZERO, &cpu, NULL));
	return cpu;
}

static mete_baddr map(struct world *w, void *cpu, size_t len, enum mete_access access)
{
	mete_baddr bus;

	assert_ok(mete_map_single(&w->device, NULL, cpu, len, access, 0, &bus));
	return bus;
}

/* What a device sees at `bus`. */
static unsigned char *device_view(struct world *w, mete_baddr bus)
{
	void *cpu;
	size_t len;

	assert_ok(mete_host_device_view(w->host, bus, 1, &cpu, &len));
	return cpu;
}

static void test_a_write_to_what_the_device_writes_is_caught(void **state)
{
	struct world w;
	char want[64];
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, 2 * PAGE);
	unsigned mapped = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, cpu, 2 * PAGE, METE_DEVICE_WRITES, 0, &(mete_baddr){ 0 }));
	WRITE(cpu + 100, 5);
	TOLD_ONE(&w, 0, METE_DMA_O01, line);
	snprintf(want, sizeof want, "  mapped    test_shadow.c:%u, in ", mapped);
	assert_non_null(strstr(w.told[0].text, want));
	mete_baddr bus;
	assert_ok(mete_device_address(&w.device, cpu, &bus));
	assert_ok(mete_unmap_single(&w.device, bus, 2 * PAGE, METE_DEVICE_WRITES, 0));
	assert_int_equal(cpu[100], 5); /* it was done, and the program went on */
	assert_ok(mete_device_free(&w.device, cpu, 2 * PAGE));
	told_nothing(&w, 1);
	world_end(&w);
}

static void test_a_read_of_what_the_device_writes_is_caught(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, PAGE);
	mete_baddr bus = map(&w, cpu, PAGE, METE_DEVICE_WRITES);
	device_view(&w, bus)[7] = 0x5a;
	told_nothing(&w, 0);
	assert_int_equal(READ(cpu + 7), 0x5a);
	TOLD_ONE(&w, 0, METE_DMA_O02, line);
	assert_ok(mete_unmap_single(&w.device, bus, PAGE, METE_DEVICE_WRITES, 0));
	assert_int_equal(READ(cpu + 7), 0x5a);
	assert_ok(mete_device_free(&w.device, cpu, PAGE));
	told_nothing(&w, 1);
	world_end(&w);
}

static void test_what_the_device_reads_may_be_read_and_not_written(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, PAGE);
	WRITE(cpu, 3);
	mete_baddr bus = map(&w, cpu, PAGE, METE_DEVICE_READS);
	assert_int_equal(READ(cpu), 3);
	assert_int_equal(READ(device_view(&w, bus)), 3);
	told_nothing(&w, 0);
	WRITE(cpu + 9, 1);
	TOLD_ONE(&w, 0, METE_DMA_O01, line);
	assert_ok(mete_unmap_single(&w.device, bus, PAGE, METE_DEVICE_READS, 0));
	WRITE(cpu + 9, 2);
	told_nothing(&w, 1);
	assert_ok(mete_device_free(&w.device, cpu, PAGE));
	world_end(&w);
}

static void test_syncs_pass_it_to_and_fro(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, 2 * PAGE);
	mete_baddr bus = map(&w, cpu, 2 * PAGE, METE_DEVICE_READS_WRITES);
	assert_ok(mete_sync_single(&w.device, bus, 2 * PAGE, METE_FOR_CPU, METE_DEVICE_READS_WRITES));
	WRITE(cpu, 1);
	(void)READ(cpu + PAGE);
	told_nothing(&w, 0);
	assert_ok(mete_sync_single(&w.device, bus, 2 * PAGE, METE_FOR_DEVICE, METE_DEVICE_READS_WRITES));
	(void)READ(cpu + PAGE);
	TOLD_ONE(&w, 0, METE_DMA_O02, line);
	assert_non_null(strstr(w.told[0].text, "  synced    test_shadow.c:"));

	/* The second page alone. */
	assert_ok(mete_sync_single(&w.device, bus + PAGE, 64, METE_FOR_CPU, METE_DEVICE_WRITES));
	(void)READ(cpu + PAGE + 63);
	told_nothing(&w, 1);
	(void)READ(cpu + 2);
	TOLD_ONE(&w, 1, METE_DMA_O02, line);
	assert_ok(mete_unmap_single(&w.device, bus, 2 * PAGE, METE_DEVICE_READS_WRITES, 0));
	assert_ok(mete_device_free(&w.device, cpu, 2 * PAGE));
	told_nothing(&w, 2);
	world_end(&w);
}

/* A map is the CPU's when it is loaded. */
static void test_a_map_is_closed_when_it_is_passed_to_the_device(void **state)
{
	struct mete_segment segments[4];
	struct mete_map m;
	struct world w;
	(void)state;

	start(&w);
	unsigned char *one = memory(&w, PAGE), *two = memory(&w, 2 * PAGE);
	const struct mete_piece pieces[] = { { .cpu = one, .len = PAGE }, { .cpu = two, .len = 2 * PAGE } };
	assert_ok(mete_map_init(&m, &w.device, NULL, segments, 4));
	assert_ok(mete_map_load_array(&m, pieces, 2, METE_DEVICE_READS_WRITES, 0));
	WRITE(two, 1);
	told_nothing(&w, 0);
	assert_ok(mete_map_sync(&m, 0, 3 * PAGE, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	WRITE(two + PAGE, 1);
	TOLD_ONE(&w, 0, METE_DMA_O01, line);
	assert_ok(mete_map_sync(&m, PAGE, 2 * PAGE, METE_FOR_CPU, METE_DEVICE_WRITES));
	WRITE(two + PAGE, 1);
	told_nothing(&w, 1);
	WRITE(one, 1);
	TOLD_ONE(&w, 1, METE_DMA_O01, line);
	assert_ok(mete_map_sync(&m, 0, 3 * PAGE, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	/* By address, as faces do that keep no map: the second segment, and neither the first nor what follows. */
	assert_ok(mete_sync_single(&w.device, segments[1].bus, PAGE, METE_FOR_CPU, METE_DEVICE_WRITES));
	WRITE(two, 1);
	told_nothing(&w, 2);
	WRITE(two + PAGE, 1);
	TOLD_ONE(&w, 2, METE_DMA_O01, line);
	assert_ok(mete_map_sync(&m, 0, 3 * PAGE, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	assert_ok(mete_map_unload(&m));
	WRITE(one, 1);
	WRITE(two + PAGE, 1);
	assert_ok(mete_device_free(&w.device, one, PAGE));
	assert_ok(mete_device_free(&w.device, two, 2 * PAGE));
	told_nothing(&w, 3);
	world_end(&w);
}

/* A mapping that the driver promises to sync by itself is the CPU's until it does. */
static void test_without_a_sync_nothing_is_closed(void **state)
{
	struct world w;
	mete_baddr bus;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, PAGE);
	assert_ok(mete_map_single(&w.device, NULL, cpu, PAGE, METE_DEVICE_WRITES, METE_MAP_SKIP_SYNC, &bus));
	WRITE(cpu, 1);
	told_nothing(&w, 0);
	assert_ok(mete_sync_single(&w.device, bus, PAGE, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	WRITE(cpu, 1);
	TOLD_ONE(&w, 0, METE_DMA_O01, line);
	assert_ok(mete_unmap_single(&w.device, bus, PAGE, METE_DEVICE_WRITES, METE_MAP_SKIP_SYNC));
	WRITE(cpu, 1);
	told_nothing(&w, 1);
	assert_ok(mete_device_free(&w.device, cpu, PAGE));
	world_end(&w);
}

/* Two that only read may have the same memory; as long as one does, it is not to be written. */
static void test_what_two_mappings_show_is_closed_as_long_as_one_does(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, 2 * PAGE);
	mete_baddr two = map(&w, cpu, 2 * PAGE, METE_DEVICE_READS), one = map(&w, cpu + PAGE, PAGE, METE_DEVICE_READS);
	assert_ok(mete_unmap_single(&w.device, one, PAGE, METE_DEVICE_READS, 0));
	(void)READ(cpu + PAGE);
	told_nothing(&w, 0);
	WRITE(cpu + PAGE, 1);
	TOLD_ONE(&w, 0, METE_DMA_O01, line);
	assert_ok(mete_unmap_single(&w.device, two, 2 * PAGE, METE_DEVICE_READS, 0));
	WRITE(cpu + PAGE, 1);
	told_nothing(&w, 1);
	assert_ok(mete_device_free(&w.device, cpu, 2 * PAGE));
	world_end(&w);
}

/* A piece of which the CPU has no view says nothing of where the next one begins, so such a map is left alone. */
static void test_a_map_of_memory_without_a_view_is_left_alone(void **state)
{
	struct mete_provider_ops ops;
	struct mete_segment segments[2];
	struct mete_map m;
	struct world w;
	mete_paddr phys;
	size_t len;
	(void)state;

	start(&w);
	ops = *w.provider->ops;
	ops.view = NULL;
	w.provider->ops = &ops;
	unsigned char *one = memory(&w, PAGE), *two = memory(&w, PAGE);
	assert_ok(ops.translate(w.provider->ctx, one, PAGE, &phys, &len));
	const struct mete_piece pieces[] = { { .phys = phys, .len = PAGE, .placed = true }, { .cpu = two, .len = PAGE } };
	assert_ok(mete_map_init(&m, &w.device, NULL, segments, 2));
	assert_ok(mete_map_load_array(&m, pieces, 2, METE_DEVICE_WRITES, 0));
	assert_ok(mete_map_sync(&m, 0, PAGE, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	WRITE(two, 1);
	assert_ok(mete_map_unload(&m));
	assert_ok(mete_device_free(&w.device, one, PAGE));
	assert_ok(mete_device_free(&w.device, two, PAGE));
	told_nothing(&w, 0);
	world_end(&w);
}

/* Pages are closed only where the device has a mapping of its own, and never those of other memory. */
static void test_memory_that_is_mapped_once_is_not_trapped(void **state)
{
	static unsigned char foreign[2 * PAGE] __attribute__((aligned(PAGE)));
	struct world w;
	(void)state;

	if (shadow != METE_SHADOW_TRAP)
		return;
	world_start(&w, NULL, METE_LEVEL_SHADOW, shadow);
	unsigned char *cpu = memory(&w, PAGE);
	mete_baddr bus = map(&w, cpu, PAGE, METE_DEVICE_WRITES), other = map(&w, foreign, PAGE, METE_DEVICE_WRITES);
	WRITE(cpu, 1);
	WRITE(foreign, 1);
	assert_ok(mete_unmap_single(&w.device, bus, PAGE, METE_DEVICE_WRITES, 0));
	assert_ok(mete_unmap_single(&w.device, other, PAGE, METE_DEVICE_WRITES, 0));
	assert_ok(mete_device_free(&w.device, cpu, PAGE));
	told_nothing(&w, 0);
	world_end(&w);
}

/* What lies beside a buffer is the CPU's. */
static void test_neighbours_may_be_used(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	assert_ok(mete_check_policy(w.check, "O08=off", NULL)); /* what is mapped here shares cache lines, too */
	unsigned char *cpu = memory(&w, 3 * PAGE);
	mete_baddr bus = map(&w, cpu + PAGE - 64, PAGE + 128, METE_DEVICE_WRITES);
	WRITE(cpu + PAGE - 65, 1);
	WRITE(cpu + 2 * PAGE + 64, 1);
	told_nothing(&w, 0);
	WRITE(cpu + PAGE, 1);
	TOLD_ONE(&w, 0, METE_DMA_O01, line);
	WRITE(cpu + 2 * PAGE, 1); /* on a page that the buffer shares */
	if (shadow == METE_SHADOW_ASAN)
		TOLD_ONE(&w, 1, METE_DMA_O01, line);
	else
		told_nothing(&w, 1);
	size_t before = w.ntold;
	assert_ok(mete_unmap_single(&w.device, bus, PAGE + 128, METE_DEVICE_WRITES, 0));
	bus = map(&w, cpu + 8, 13, METE_DEVICE_WRITES);
	WRITE(cpu + 7, 1);
	WRITE(cpu + 21, 1);
	told_nothing(&w, before);
	if (shadow == METE_SHADOW_ASAN) {
		WRITE(cpu + 8, 1);
		TOLD_ONE(&w, before++, METE_DMA_O01, line);
		WRITE(cpu + 15, 1);
		TOLD_ONE(&w, before++, METE_DMA_O01, line);
	}
	assert_ok(mete_unmap_single(&w.device, bus, 13, METE_DEVICE_WRITES, 0));
	told_nothing(&w, before);
	assert_ok(mete_device_free(&w.device, cpu, 3 * PAGE));
	world_end(&w);
}

/* A buffer shorter than its page has the page for itself if it was allocated so. */
static void test_a_short_buffer_of_its_own_page_is_closed(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, 1500);
	mete_baddr bus = map(&w, cpu, 1500, METE_DEVICE_WRITES);
	WRITE(cpu + 1499, 1);
	TOLD_ONE(&w, 0, METE_DMA_O01, line);
	assert_ok(mete_unmap_single(&w.device, bus, 1500, METE_DEVICE_WRITES, 0));
	WRITE(cpu + 1499, 1);
	assert_ok(mete_device_free(&w.device, cpu, 1500));
	told_nothing(&w, 1);
	world_end(&w);
}

/* The library's own calls see the line of the driver. */
static void test_a_copy_is_told_where_the_driver_calls_it(void **state)
{
	void *(*volatile copy)(void *, const void *, size_t) = memcpy; /* and not what the compiler makes of it */
	static unsigned char bytes[2000];
	struct world w;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, PAGE);
	mete_baddr bus = map(&w, cpu, PAGE, METE_DEVICE_WRITES);
	line = __LINE__ + 1;
	copy(bytes, cpu + 64, sizeof bytes);
	TOLD_ONE(&w, 0, METE_DMA_O02, line);
	assert_ok(mete_unmap_single(&w.device, bus, PAGE, METE_DEVICE_WRITES, 0));
	copy(bytes, cpu + 64, sizeof bytes);
	told_nothing(&w, 1);
	assert_ok(mete_device_free(&w.device, cpu, PAGE));
	world_end(&w);
}

static void test_free_memory_and_margins_are_closed_to_each_byte(void **state)
{
	const struct mete_pool_config config = { .len = 100 };
	struct mete_pool pool;
	struct world w;
	void *block;
	(void)state;

	if (shadow != METE_SHADOW_ASAN)
		return; /* pages are too coarse for that */
	start(&w);
	assert_ok(mete_pool_init(&pool, &w.device, &config));
	assert_ok(mete_pool_alloc(&pool, METE_ZERO, &block, NULL));
	unsigned char *cpu = block;
	WRITE(cpu + 99, 1);
	told_nothing(&w, 0);
	WRITE(cpu + 104, 1);
	TOLD_ONE(&w, 0, METE_DMA_A10, line);
	assert_non_null(strstr(w.told[0].text, "the byte 4 behind its end was written"));
	assert_ok(mete_pool_free(&pool, cpu));
	w.ntold = 0; /* the margin is told as well */
	(void)READ(cpu + 50);
	TOLD_ONE(&w, 0, METE_DMA_A08, line);
	assert_non_null(strstr(w.told[0].text, "byte 50 of it was read after it was freed"));
	WRITE(cpu, 1);
	TOLD_ONE(&w, 1, METE_DMA_A08, line);
	w.ntold = 0;
	assert_ok(mete_pool_alloc(&pool, METE_ZERO, &block, NULL));
	TOLD_ONE(&w, 0, METE_DMA_A09, 0); /* a second time: nobody can know that it was not a device, too */
	WRITE(block, 1);
	assert_ok(mete_pool_free(&pool, block));
	told_nothing(&w, 1);
	assert_ok(mete_pool_fini(&pool));
	unsigned char *again = memory(&w, 16 * PAGE); /* with what was the pool's */
	WRITE(again + 100, 1);
	assert_ok(mete_device_free(&w.device, again, 16 * PAGE));
	told_nothing(&w, 1);
	world_end(&w);
	again = malloc(PAGE);
	assert_non_null(again);
	WRITE(again, 1);
	free(again);
}

/* A device in this process that has no mapping of its own says so. */
static void test_a_thread_may_play_the_device(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, 2 * PAGE);
	mete_baddr bus = map(&w, cpu, 2 * PAGE, METE_DEVICE_WRITES);
	mete_check_device_enter();
	mete_check_device_enter();
	mete_check_device_leave();
	WRITE(cpu, 1);
	mete_check_device_leave();
	mete_check_device_leave(); /* one too many */
	told_nothing(&w, 0);
	WRITE(cpu + PAGE, 1);
	TOLD_ONE(&w, 0, METE_DMA_O01, line);
	assert_ok(mete_unmap_single(&w.device, bus, 2 * PAGE, METE_DEVICE_WRITES, 0));
	assert_ok(mete_device_free(&w.device, cpu, 2 * PAGE));
	world_end(&w);
}

/* An access that is expected is counted, and the advice is the face's. */
static void test_policies_hold_for_accesses(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, PAGE);
	mete_check_expect(w.check, METE_DMA_O01);
	mete_baddr bus = map(&w, cpu, PAGE, METE_DEVICE_WRITES);
	WRITE(cpu, 1);
	assert_int_equal(mete_check_missing(w.check), 0);
	assert_int_equal(mete_check_failures(w.check), 0);
	assert_int_equal(mete_check_count(w.check, METE_DMA_O01), 1);
	told_nothing(&w, 0);
	assert_ok(mete_unmap_single(&w.device, bus, PAGE, METE_DEVICE_WRITES, 0));
	assert_ok(mete_device_free(&w.device, cpu, PAGE));
	world_end(&w);
}

/* More than there is room for are counted. */
static void test_too_many_accesses_at_once_are_not_lost_in_silence(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	unsigned char *cpu = memory(&w, 20 * PAGE);
	mete_baddr bus = map(&w, cpu, 20 * PAGE, METE_DEVICE_WRITES);
	for (size_t i = 0; i < 20; i++)
		WRITE(cpu + i * PAGE, 1);
	assert_int_equal(mete_check_count(w.check, METE_DMA_O01), 16);
	assert_int_equal(mete_check_count(w.check, METE_DMA_R04), 1);
	assert_ok(mete_unmap_single(&w.device, bus, 20 * PAGE, METE_DEVICE_WRITES, 0));
	assert_ok(mete_device_free(&w.device, cpu, 20 * PAGE));
	world_end(&w);
}

/* Faults of the program's own. */
static unsigned char *closed; /* a page that nobody may touch */
static sigjmp_buf back;
static unsigned faults;
static struct sigaction old;

static void leave(int sig)
{
	(void)sig;
	faults++;
	siglongjmp(back, 1);
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
	faults++;
	if (old.sa_flags & SA_SIGINFO)
		old.sa_sigaction(sig, info, context);
	else if (old.sa_handler != SIG_DFL)
		old.sa_handler(sig);
}

static void touch_closed(unsigned want)
{
	faults = 0;
	if (!sigsetjmp(back, 1))
		*(volatile unsigned char *)closed = 1;
	assert_int_equal(faults, want);
}

/* A handler that was there before, one that came later, and one that passes faults on to the one it replaced. */
static void test_the_programs_own_faults_are_its_own(void **state)
{
	struct sigaction before, mine = { .sa_handler = leave }, chain = { .sa_sigaction = pass_on, .sa_flags = SA_SIGINFO };
	struct world w;
	(void)state;

	if (shadow != METE_SHADOW_TRAP)
		return;
	closed = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(closed != MAP_FAILED);
	sigemptyset(&mine.sa_mask);
	sigemptyset(&chain.sa_mask);
	assert_int_equal(sigaction(SIGSEGV, &mine, &before), 0);
	start(&w);
	unsigned char *cpu = memory(&w, PAGE);
	mete_baddr bus = map(&w, cpu, PAGE, METE_DEVICE_WRITES);
	touch_closed(1);
	WRITE(cpu, 1);
	TOLD_ONE(&w, 0, METE_DMA_O01, line);
	touch_closed(1); /* the first one left by siglongjmp(), and is not missed */

	/* It replaces ours, and passes on to it; ours takes the signal back when it next closes a page. */
	assert_int_equal(sigaction(SIGSEGV, &chain, &old), 0);
	touch_closed(2);
	assert_ok(mete_sync_single(&w.device, bus, PAGE, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	WRITE(cpu, 1);
	TOLD_ONE(&w, 1, METE_DMA_O01, line);
	touch_closed(2); /* ours, the chain, ours again, and the first */
	assert_int_equal(sigaction(SIGSEGV, &mine, NULL), 0); /* it replaces all of them */
	assert_ok(mete_sync_single(&w.device, bus, PAGE, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	touch_closed(1);
	WRITE(cpu, 1);
	TOLD_ONE(&w, 2, METE_DMA_O01, line);
	told_nothing(&w, 3);
	assert_ok(mete_unmap_single(&w.device, bus, PAGE, METE_DEVICE_WRITES, 0));
	assert_ok(mete_device_free(&w.device, cpu, PAGE));
	world_end(&w);
	assert_int_equal(sigaction(SIGSEGV, &before, &old), 0);
	assert_ptr_equal(old.sa_handler, leave); /* given back */
	munmap(closed, PAGE);
}

/* A child whose sanitizer stops at the first error, as is its custom. */
static int fatal(void)
{
	struct world w;

	shadow = METE_SHADOW_ASAN;
	start(&w);
	const struct mete_check_config config = { .policy = "", .shadow = shadow };
	(void)mete_check_destroy(w.check);
	assert_ok(mete_check_create(w.provider, &config, &w.check)); /* which prints */
	unsigned char *cpu = memory(&w, PAGE);
	(void)map(&w, cpu, PAGE, METE_DEVICE_WRITES);
	WRITE(cpu, 1);
	return 0;
}

static void test_if_the_sanitizer_ends_the_program_it_is_told_why(void **state)
{
	char text[4096];
	size_t len = 0;
	int ends[2], status;
	(void)state;

	if (shadow != METE_SHADOW_ASAN)
		return;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (!child) {
		setenv("ASAN_OPTIONS", "halt_on_error=1:detect_leaks=0", 1);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl("/proc/self/exe", "test_shadow", "fatal", (char *)NULL);
		_exit(0);
	}
	close(ends[1]);
	for (ssize_t n; len < sizeof text - 1 && (n = read(ends[0], text + len, sizeof text - 1 - len)) > 0;)
		len += (size_t)n;
	text[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || !WEXITSTATUS(status) || !strstr(text, "DMA-O01") || !strstr(text, "test_shadow.c:"))
		fail_msg("status %d:\n%s", status, text);
	assert_null(strstr(text, "AddressSanitizer: use-after-poison"));
}

/* What a mapping of 1500 bytes costs, in ns for making and ending it.  Nothing depends on it. */
static double pair_ns(enum mete_level level, enum mete_shadow with)
{
	enum { PAIRS = 2000 };
	struct timespec first, last;
	struct world w;

	const struct mete_host_config twice = { .twice = true };
	world_start(&w, &twice, level ? level : METE_LEVEL_LEDGER, with);
	if (!level) {
		(void)mete_check_destroy(w.check);
		w.check = NULL;
	}
	unsigned char *cpu = memory(&w, 1500);
	clock_gettime(CLOCK_MONOTONIC, &first);
	for (unsigned i = 0; i < PAIRS; i++)
		assert_ok(mete_unmap_single(&w.device, map(&w, cpu, 1500, METE_DEVICE_WRITES), 1500, METE_DEVICE_WRITES, 0));
	clock_gettime(CLOCK_MONOTONIC, &last);
	assert_ok(mete_device_free(&w.device, cpu, 1500));
	world_end(&w);
	return ((double)(last.tv_sec - first.tv_sec) * 1e9 + (double)(last.tv_nsec - first.tv_nsec)) / PAIRS;
}

static void test_costs_are_told(void **state)
{
	(void)state;

	print_message("map and unmap 1500 bytes: %.0f ns plain, %.0f with a ledger, %.0f with fills, %.0f with the shadow\n",
	    pair_ns(METE_LEVEL_USUAL, METE_SHADOW_OFF), pair_ns(METE_LEVEL_LEDGER, METE_SHADOW_OFF),
	    pair_ns(METE_LEVEL_FILLS, METE_SHADOW_OFF), pair_ns(METE_LEVEL_SHADOW, shadow));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_write_to_what_the_device_writes_is_caught),
		cmocka_unit_test(test_a_read_of_what_the_device_writes_is_caught),
		cmocka_unit_test(test_what_the_device_reads_may_be_read_and_not_written),
		cmocka_unit_test(test_syncs_pass_it_to_and_fro),
		cmocka_unit_test(test_a_map_is_closed_when_it_is_passed_to_the_device),
		cmocka_unit_test(test_without_a_sync_nothing_is_closed),
		cmocka_unit_test(test_what_two_mappings_show_is_closed_as_long_as_one_does),
		cmocka_unit_test(test_a_map_of_memory_without_a_view_is_left_alone),
		cmocka_unit_test(test_memory_that_is_mapped_once_is_not_trapped),
		cmocka_unit_test(test_neighbours_may_be_used),
		cmocka_unit_test(test_a_short_buffer_of_its_own_page_is_closed),
		cmocka_unit_test(test_a_copy_is_told_where_the_driver_calls_it),
		cmocka_unit_test(test_free_memory_and_margins_are_closed_to_each_byte),
		cmocka_unit_test(test_a_thread_may_play_the_device),
		cmocka_unit_test(test_policies_hold_for_accesses),
		cmocka_unit_test(test_too_many_accesses_at_once_are_not_lost_in_silence),
		cmocka_unit_test(test_the_programs_own_faults_are_its_own),
		cmocka_unit_test(test_if_the_sanitizer_ends_the_program_it_is_told_why),
		cmocka_unit_test(test_costs_are_told),
	};
	if (METE_ADDR_BITS < 64)
		return support_skip_all("the host provider needs 64-bit addresses");
	if (argc > 1 && !strcmp(argv[1], "fatal"))
		return fatal();
	shadow = argc > 1 && !strcmp(argv[1], "asan") ? METE_SHADOW_ASAN : METE_SHADOW_TRAP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
