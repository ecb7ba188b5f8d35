/* SPDX-License-Identifier: ISC */
/*
 * readl(), writel() and their kin, over registers in memory and those of the simulated NVMe controller.
 */
#include "support.h"

#include <errno.h>
#include <linux/io.h>
#include <linux/unaligned.h>
#include <asm/barrier.h>
#include <mete/rig.h>
#include <mete/shim.h>
#include <mete/sim.h>
#include <mete/sim_devices.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct model {
	unsigned char bytes[4096];
	unsigned naccesses, nrelaxed;
	bool gone;
};

/* The lowest byte first, as on PCI; whatever the order of this machine is. */
static int model_read(void *ctx, uint64_t offset, unsigned width, uint64_t *ret_value)
{
	struct model *m = ctx;

	m->naccesses++;
	if (m->gone)
		return METE_EIO;
	*ret_value = 0;
	for (unsigned i = width; i-- > 0;)
		*ret_value = *ret_value << 8 | m->bytes[offset + i];
	return 0;
}

static int model_write(void *ctx, uint64_t offset, unsigned width, uint64_t value)
{
	struct model *m = ctx;

	m->naccesses++;
	if (m->gone)
		return METE_EIO;
	for (unsigned i = 0; i < width; i++, value >>= 8)
		m->bytes[offset + i] = (unsigned char)value;
	return 0;
}

static int model_write_relaxed(void *ctx, uint64_t offset, unsigned width, uint64_t value)
{
	struct model *m = ctx;

	m->nrelaxed++;
	return model_write(ctx, offset, width, value);
}

static const struct mete_registers_ops model_ops = { .read = model_read, .write = model_write,
	.write_relaxed = model_write_relaxed };

static unsigned char __iomem *model_start(struct model *m, uint64_t len)
{
	memset(m, 0, sizeof *m);
	unsigned char __iomem *io = mete_linux_iomap(&(struct mete_registers){ &model_ops, m, len });
	assert_non_null(io);
	return io;
}

static void test_each_width_reaches_its_bytes(void **state)
{
	struct model m;
	(void)state;

	unsigned char __iomem *io = model_start(&m, 4096);
	writeb(0x12, io + 1);
	writew(0x3456, io + 2);
	writel(0x789abcde, io + 4);
	writeq(0x0102030405060708, io + 8);
	assert_memory_equal(m.bytes, "\0\x12\x56\x34\xde\xbc\x9a\x78\x08\x07\x06\x05\x04\x03\x02\x01", 16);
	assert_int_equal(m.naccesses, 4);
	assert_int_equal(readb(io + 1), 0x12);
	assert_int_equal(readw(io + 2), 0x3456);
	assert_int_equal(readl(io + 4), 0x789abcde);
	assert_true(readq(io + 8) == 0x0102030405060708);
	assert_int_equal(m.naccesses, 8);
	assert_int_equal(m.nrelaxed, 0);

	writeb_relaxed(1, io + 4088);
	writew_relaxed(0x0302, io + 4090);
	writel_relaxed(0x07060504, io + 4092);
	assert_int_equal(m.nrelaxed, 3);
	assert_memory_equal(m.bytes + 4088, "\1\0\2\3\4\5\6\7", 8);
	assert_int_equal(readb_relaxed(io + 4088), 1);
	assert_int_equal(readw_relaxed(io + 4090), 0x0302);
	assert_int_equal(readl_relaxed(io + 4092), 0x07060504);
	assert_true(readq_relaxed(io + 4088) == 0x0706050403020001);
	writeq_relaxed(5, io + 4088);
	assert_int_equal(m.nrelaxed, 4);
	iowrite8(0xff, io);
	iowrite16(0xeeee, io + 2);
	iowrite32(0xdddddddd, io + 4);
	iowrite64(~(u64)5, io + 8);
	assert_int_equal(ioread8(io), 0xff);
	assert_int_equal(ioread16(io + 2), 0xeeee);
	assert_int_equal(ioread32(io + 4), 0xdddddddd);
	assert_true(ioread64(io + 8) == ~(u64)5 && ioread64(io + 4088) == 5);
	assert_int_equal(m.nrelaxed, 4);
	iounmap(io);
}

static void test_where_nothing_answers_there_are_ones(void **state)
{
	struct model m, other;
	(void)state;

	unsigned char __iomem *io = model_start(&m, 64), *io2 = model_start(&other, 64);
	const volatile void *bad[] = { io + 64, io + 61, io + 2, io - 4, NULL, &m };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_row(readl(bad[i]) == 0xffffffffu, i, "all ones");
		writel(0x5a5a5a5a, (volatile void *)(uintptr_t)bad[i]);
		writel_relaxed(0x5a5a5a5a, (volatile void *)(uintptr_t)bad[i]);
	}
	assert_int_equal(readw(io + 1), 0xffff);
	assert_true(readq(io + 60) == ~(u64)0);
	assert_int_equal(readb(io + 64), 0xff);
	assert_int_equal(m.naccesses, 0);

	m.gone = true; /* the function fails: its device is not there any more */
	assert_int_equal(readl(io), 0xffffffffu);
	writel(0, io);
	assert_int_equal(m.naccesses, 2);
	m.gone = false;
	iounmap(io);
	assert_int_equal(readl(io), 0xffffffffu);
	writel(0, io);
	assert_int_equal(m.naccesses, 2);
	assert_int_equal(other.naccesses, 0);
	writel(7, io2 + 60); /* the other stays */
	assert_int_equal(other.bytes[60], 7);
	iounmap(io2);
}

static void test_apertures_begin_and_end_once(void **state)
{
	const struct mete_registers none = { &model_ops, NULL, 0 }, long_ones = { &model_ops, NULL, UINT64_MAX },
				    dead = { NULL, NULL, 16 };
	struct model m;
	(void)state;

	assert_null(mete_linux_iomap(NULL));
	assert_null(mete_linux_iomap(&none));
	assert_null(mete_linux_iomap(&long_ones));
	assert_null(mete_linux_iomap(&dead));
	unsigned char __iomem *io = model_start(&m, 8192), *again = model_start(&m, 8192);
	assert_ptr_not_equal(io, again);
	assert_false(mete_linux_iounmap(NULL));
	assert_false(mete_linux_iounmap(io + 4));
	assert_false(mete_linux_iounmap(&m));
	assert_true(mete_linux_iounmap(io));
	assert_false(mete_linux_iounmap(io));
	assert_true(mete_linux_iounmap(again));
	iounmap(again);
	iounmap(NULL);
}

/* How a child ends that reads `io` as if it were memory. */
static bool survives(const volatile unsigned char *io)
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	if (!child) {
		(void)signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the next test */
		(void)*io;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_registers_are_not_memory(void **state)
{
	const unsigned char memory[1] = { 0 };
	struct model m;
	(void)state;

	unsigned char __iomem *io = model_start(&m, 4096);
	assert_true(survives(memory));
	assert_false(survives(io + 8));
	iounmap(io);
}

static void test_a_rigs_registers_are_read_and_written(void **state)
{
	static const struct mete_rig_sim config = { .disk = "/proc/self/exe" };
	struct mete_rig_function pci;
	struct mete_registers registers;
	struct mete_rig *rig;
	uint64_t cap, aqa;
	(void)state;

	assert_ok(mete_rig_start_sim(&config, &rig, NULL, 0));
	assert_ok(mete_rig_find(rig, 0x1b36, 0x0010, 0, &pci));
	assert_ok(mete_rig_registers(&pci, 0, &registers));
	unsigned char __iomem *io = mete_linux_iomap(&registers);
	assert_non_null(io);
	assert_ok(mete_rig_read(&pci, 0, 0, 8, &cap));
	assert_true(readq(io) == cap && readl(io) == (u32)cap && readl(io + 4) == (u32)(cap >> 32));
	writel(0x00070007, io + 0x24);
	assert_ok(mete_rig_read(&pci, 0, 0x24, 4, &aqa));
	assert_int_equal(aqa, 0x00070007);
	assert_int_equal(readl(io + registers.len), 0xffffffffu);
	iounmap(io);
	assert_int_equal(mete_rig_stop(rig), 0);
}

static struct mete_rig *machine; /* that is told of barriers */

/* In place of the host's. */
void mete_shim_barrier(void)
{
	if (machine)
		assert_ok(mete_sim_barrier(machine));
}

enum doorbell { PLAIN, BARRIER, DMA_BARRIER, RELAXED, BETWEEN_CPUS, DOORBELLS };

/* Let a copy engine copy LEN bytes; whether they arrived. */
#define LEN 1024u
static bool copies(uint64_t seed, enum doorbell way)
{
	static const struct mete_sim_device engine = { .model = METE_SIM_COPY };
	const struct mete_sim_config sim = { .time = METE_SIM_STEP, .late_stores = true, .seed = seed, .devices = &engine,
		.ndevices = 1 };
	const struct mete_rig_sim config = { .ram = 8u << 20, .more = &sim };
	struct mete_rig_function pci;
	struct mete_registers registers;
	struct mete_device device;
	mete_baddr bus;
	void *cpu;

	assert_ok(mete_rig_start_sim(&config, &machine, NULL, 0));
	assert_ok(mete_rig_find(machine, METE_SIM_VENDOR, METE_SIM_COPY_DEVICE, 0, &pci));
	assert_ok(mete_rig_registers(&pci, 0, &registers));
	assert_ok(mete_device_init(&device, &(struct mete_device_config){ .provider = mete_rig_provider(machine), .name = "copy" }));
	assert_ok(mete_device_alloc(&device, NULL, 2 * LEN + METE_SIM_COPY_DESCRIPTOR, METE_MEMORY_COHERENT, METE_ZERO, &cpu,
	    &bus));
	unsigned char __iomem *io = mete_linux_iomap(&registers);
	assert_non_null(io);
	writel(1, io + METE_SIM_COPY_CONTROL);

	unsigned char *list = cpu, *from = list + METE_SIM_COPY_DESCRIPTOR;
	put_unaligned_le64(bus + METE_SIM_COPY_DESCRIPTOR, list + METE_SIM_COPY_FROM);
	put_unaligned_le64(bus + METE_SIM_COPY_DESCRIPTOR + LEN, list + METE_SIM_COPY_TO);
	put_unaligned_le32(LEN, list + METE_SIM_COPY_LEN);
	memset(from, 0x5a, LEN);
	switch (way) {
	case BARRIER: wmb(); break;
	case DMA_BARRIER: dma_wmb(); break;
	case BETWEEN_CPUS: smp_wmb(); break;
	default: break;
	}
	if (way == PLAIN)
		writeq(bus, io + METE_SIM_COPY_START);
	else
		writeq_relaxed(bus, io + METE_SIM_COPY_START);
	assert_true(mete_sim_run(machine, 100) < 100);
	bool good = !memcmp(from, from + LEN, LEN);

	iounmap(io);
	assert_ok(mete_device_free(&device, cpu, 2 * LEN + METE_SIM_COPY_DESCRIPTOR));
	assert_ok(mete_device_fini(&device));
	assert_int_equal(mete_rig_stop(machine), 0);
	machine = NULL;
	return good;
}

static void test_a_relaxed_doorbell_needs_a_barrier(void **state)
{
	unsigned wrong[DOORBELLS] = { 0 };
	(void)state;

	for (enum doorbell way = PLAIN; way < DOORBELLS; way++) {
		for (uint64_t seed = 1; seed <= 20; seed++)
			wrong[way] += !copies(seed, way);
	}
	assert_int_equal(wrong[PLAIN], 0);
	assert_int_equal(wrong[BARRIER], 0);
	assert_int_equal(wrong[DMA_BARRIER], 0);
	assert_true(wrong[RELAXED] >= 15);
	assert_true(wrong[BETWEEN_CPUS] >= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_width_reaches_its_bytes),
		cmocka_unit_test(test_where_nothing_answers_there_are_ones),
		cmocka_unit_test(test_apertures_begin_and_end_once),
		cmocka_unit_test(test_registers_are_not_memory),
		cmocka_unit_test(test_a_rigs_registers_are_read_and_written),
		cmocka_unit_test(test_a_relaxed_doorbell_needs_a_barrier),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
