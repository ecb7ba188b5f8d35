/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * QEMU as a rig: its device models, our RAM, no guest program.
 *
 * The process is given everything by file descriptor, so nothing has a name on disk that could be left behind:
 *
 *   3  one end of a socket pair: the qtest protocol, one line per memory, port or configuration cycle
 *   4  RAM, a memfd that this process maps too; a device's DMA is visible here the moment it happens
 *   5  firmware, a memfd whose only act is to halt
 *   6  the disk, if there is one
 *
 * The virtual CPU must exist (Debian's QEMU has no qtest accelerator) but sleeps for ever.  With -icount and sleep=off
 * virtual time then jumps to the next timer of a device, so that a device which pretends to take 100 ms takes none.
 *
 * The process cannot outlive us: it asks the kernel to be killed with its parent.  When it ends for any other reason,
 * the socket says so at once; it is then reaped, and what it printed last is kept for people (`words`).  From then on
 * the rig is *gone* and every operation fails.  QEMU prints into a memfd as well.
 */
#include "qemu_machine.h"
#include "rig_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define QEMU_TIMEOUT_MS 10000u
#define QEMU_WORDS 1024       /* bytes of QEMU's output that are kept for a message */

/* Descriptors of the child, and their numbers as text. */
#define QEMU_FD_TEST 3
#define QEMU_FD_RAM 4
#define QEMU_FD_FIRMWARE 5
#define QEMU_FD_DISK 6
#define QEMU_FD_END 7
#define QEMU_TEXT_OF(macro) #macro
#define QEMU_TEXT(macro) QEMU_TEXT_OF(macro)
#define QEMU_FILE(macro) "/proc/self/fd/" QEMU_TEXT(macro)

struct qemu {
	struct mete_rig rig;     /* first: the two are cast into each other */
	const struct qemu_machine *machine;
	pid_t pid;               /* 0: gone */
	int test;                /* socket; -1: none */
	int output;              /* memfd that QEMU prints to */
	unsigned timeout_ms;
	size_t nin;              /* bytes in `in` */
	char in[512];            /* answers not looked at yet */
	char line[512];          /* the last answer */
	char words[QEMU_WORDS + 256];
};

/* What fork() needs ready made: after it, only simple system calls are allowed. */
struct qemu_launch {
	char program[4096];
	const char **argv;       /* the list is ours, its strings are not */
	int fd[QEMU_FD_END];     /* by child descriptor; -1: closed there */
	pid_t parent;
	char ram[128], memory[32], nvme[64];
};

static struct qemu *qemu_of(struct mete_rig *rig)
{
	return (struct qemu *)(void *)rig;
}

static int64_t qemu_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The end of what QEMU printed, as one or a few clean lines. */
static void qemu_output(const struct qemu *q, char *text, size_t text_len)
{
	off_t end = lseek(q->output, 0, SEEK_END);
	off_t start = end > (off_t)(text_len - 1) ? end - (off_t)(text_len - 1) : 0;
	ssize_t n = end > 0 ? pread(q->output, text, text_len - 1, start) : 0;
	size_t len = n > 0 ? (size_t)n : 0;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 && text[i] != '\n')
			text[i] = ' ';
	}
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	text[len] = '\0';
}

/* Wait for the child's end, killing it if it takes too long; -1 if somebody else reaped it. */
static int qemu_reap(pid_t pid, unsigned patience_ms)
{
	const struct timespec rest = { .tv_nsec = 1000000 };
	int status = -1;

	for (unsigned n = 0; n < patience_ms; n++) {
		pid_t found = waitpid(pid, &status, WNOHANG);
		if (found == pid)
			return status;
		if (found < 0 && errno != EINTR)
			return -1;
		nanosleep(&rest, NULL);
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) != pid) {
		if (errno != EINTR)
			return -1;
	}
	return status;
}

/* The child is gone, or is made to be: say why.  Always METE_EIO. */
static int qemu_gone(struct qemu *q, const char *why, unsigned patience_ms)
{
	char output[QEMU_WORDS], end[64];

	if (!q->pid)
		return METE_EIO;
	int status = qemu_reap(q->pid, patience_ms);
	q->pid = 0;
	if (status < 0)
		snprintf(end, sizeof(end), "ended");
	else if (WIFSIGNALED(status))
		snprintf(end, sizeof(end), "was killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(end, sizeof(end), "ended with exit status %d", WEXITSTATUS(status));
	qemu_output(q, output, sizeof(output));
	snprintf(q->words, sizeof(q->words), "%sQEMU %s%s%s", why, end, *output ? "; its last words: " : "", output);
	return METE_EIO;
}

/* It does not answer: end it, because a late answer would be taken for the answer to something else. */
static int qemu_mute(struct qemu *q, const char *request)
{
	char why[128];

	snprintf(why, sizeof(why), "no answer to \"%.*s\" within %u ms; ", (int)strcspn(request, "\n"), request,
	    q->timeout_ms);
	qemu_gone(q, why, 0);
	return METE_ETIMEDOUT;
}

/* The socket ended.  An exiting process closes its files a little before it can be reaped: a second is plenty. */
static int qemu_hung_up(struct qemu *q)
{
	return qemu_gone(q, "", 1000);
}

/* Wait for `events` on the socket.  1: they are there; 0: not before `deadline`. */
static int qemu_poll(const struct qemu *q, short events, int64_t deadline)
{
	struct pollfd p = { .fd = q->test, .events = events };

	for (;;) {
		int64_t left = deadline - qemu_now_ms();
		int n = poll(&p, 1, left > INT_MAX ? INT_MAX : left > 0 ? (int)left : 0);
		if (n > 0)
			return 1;
		if (!n && left <= 0)
			return 0;
		/* An error of poll() itself: recv() or send() will say the same. */
		if (n < 0 && errno != EINTR)
			return 1;
	}
}

static int qemu_send(struct qemu *q, const char *request, size_t len, int64_t deadline)
{
	for (size_t sent = 0; sent < len;) {
		ssize_t n = send(q->test, request + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			sent += (size_t)n;
		} else if (errno == EAGAIN) {
			if (!qemu_poll(q, POLLOUT, deadline))
				return qemu_mute(q, request);
		} else if (errno != EINTR) {
			return qemu_hung_up(q);
		}
	}
	return 0;
}

/* Move the first whole line from `in` to `line`, without its end. */
static bool qemu_line(struct qemu *q)
{
	char *end = memchr(q->in, '\n', q->nin);
	if (!end)
		return false;
	size_t len = (size_t)(end - q->in);
	memcpy(q->line, q->in, len);
	q->line[len] = '\0';
	q->nin -= len + 1;
	memmove(q->in, end + 1, q->nin);
	return true;
}

static int qemu_receive(struct qemu *q, const char *request, int64_t deadline)
{
	while (!qemu_line(q)) {
		if (q->nin == sizeof(q->in))
			return qemu_gone(q, "an answer without end; ", 0);
		ssize_t n = recv(q->test, q->in + q->nin, sizeof(q->in) - q->nin, MSG_DONTWAIT);
		if (n > 0) {
			q->nin += (size_t)n;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			return qemu_hung_up(q);
		} else if (!qemu_poll(q, POLLIN, deadline)) {
			return qemu_mute(q, request);
		}
	}
	return 0;
}

/* One request, one answer: "OK", or "OK" and a number, which is stored if `ret_value` is not NULL. */
static int qemu_ask(struct qemu *q, uint64_t *ret_value, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int qemu_ask(struct qemu *q, uint64_t *ret_value, const char *format, ...)
{
	char request[96];
	va_list args;

	if (!q->pid)
		return METE_EIO;
	va_start(args, format);
	int len = vsnprintf(request, sizeof(request), format, args);
	va_end(args);

	int64_t deadline = qemu_now_ms() + q->timeout_ms;
	int error = qemu_send(q, request, (size_t)len, deadline);
	if (!error)
		error = qemu_receive(q, request, deadline);
	if (error)
		return error;

	char *end = q->line;
	uint64_t value = 0;
	bool ok = !strncmp(q->line, "OK", 2);
	if (ok && ret_value) {
		value = strtoull(q->line + 2, &end, 0);
		ok = end != q->line + 2;
	}
	if (!ok) {
		snprintf(q->words, sizeof(q->words), "QEMU answered \"%.100s\" to \"%.*s\"", q->line,
		    (int)strcspn(request, "\n"), request);
		return METE_EIO;
	}
	if (ret_value)
		*ret_value = value;
	return 0;
}

/* Letters of the protocol for widths 1, 2, 4 and 8. */
static char qemu_letter(unsigned width)
{
	return " bw l   q"[width];
}

static int qemu_read(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t *ret_value)
{
	return qemu_ask(qemu_of(rig), ret_value, "read%c 0x%llx\n", qemu_letter(width), (unsigned long long)bus);
}

static int qemu_write(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t value)
{
	return qemu_ask(qemu_of(rig), NULL, "write%c 0x%llx 0x%llx\n", qemu_letter(width), (unsigned long long)bus,
	    (unsigned long long)value);
}

/* Configuration space lies in memory, 4 KiB a function, or else behind the two ports of a PC: address, then data. */
static int qemu_config_select(struct qemu *q, unsigned devfn, unsigned offset)
{
	return qemu_ask(q, NULL, "outl 0xcf8 0x%x\n", 0x80000000u | devfn << 8 | (offset & 0xfcu));
}

static int qemu_config_read(struct mete_rig *rig, unsigned devfn, unsigned offset, unsigned width, uint32_t *ret_value)
{
	struct qemu *q = qemu_of(rig);
	uint64_t value;
	int error;

	if (q->machine->config)
		error = qemu_read(rig, q->machine->config + (devfn << 12 | offset), width, &value);
	else if (!(error = qemu_config_select(q, devfn, offset)))
		error = qemu_ask(q, &value, "in%c 0x%x\n", qemu_letter(width), 0xcfcu + (offset & 3));
	if (!error)
		*ret_value = (uint32_t)value;
	return error;
}

static int qemu_config_write(struct mete_rig *rig, unsigned devfn, unsigned offset, unsigned width, uint32_t value)
{
	struct qemu *q = qemu_of(rig);

	if (q->machine->config)
		return qemu_write(rig, q->machine->config + (devfn << 12 | offset), width, value);
	int error = qemu_config_select(q, devfn, offset);
	if (!error)
		error = qemu_ask(q, NULL, "out%c 0x%x 0x%x\n", qemu_letter(width), 0xcfcu + (offset & 3), value);
	return error;
}

/* Nothing is due on the socket, so anything there is QEMU's end. */
static int qemu_pause(struct mete_rig *rig, unsigned us)
{
	struct qemu *q = qemu_of(rig);
	const struct timespec rest = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000 };
	struct pollfd p = { .fd = q->test };

	if (!q->pid)
		return METE_EIO;
	if (ppoll(&p, 1, &rest, NULL) > 0)
		return qemu_hung_up(q);
	return 0;
}

static const char *qemu_last_words(struct mete_rig *rig)
{
	return qemu_of(rig)->words;
}

static long qemu_process(const struct mete_rig *rig)
{
	return (long)((const struct qemu *)(const void *)rig)->pid;
}

/* Nothing of QEMU's is worth saving, so it is killed: that cannot hang. */
static void qemu_stop(struct mete_rig *rig)
{
	struct qemu *q = qemu_of(rig);

	if (q->pid)
		qemu_reap(q->pid, 0);
	q->pid = 0;
	if (q->test >= 0)
		close(q->test);
	if (q->output >= 0)
		close(q->output);
}

static const struct rig_ops qemu_ops = {
	.kind = "qemu",
	.config_read = qemu_config_read,
	.config_write = qemu_config_write,
	.read = qemu_read,
	.write = qemu_write,
	.pause = qemu_pause,
	.last_words = qemu_last_words,
	.process = qemu_process,
	.stop = qemu_stop,
};

/* Look for `name` in $PATH, as a shell does. */
static bool qemu_search_path(const char *name, char *program, size_t program_len)
{
	const char *path = getenv("PATH");

	for (const char *p = path ? path : "/usr/bin:/bin"; ; p++) {
		size_t len = strcspn(p, ":");
		int n = snprintf(program, program_len, "%.*s/%s", len ? (int)len : 1, len ? p : ".", name);
		if (n > 0 && (size_t)n < program_len && !access(program, X_OK))
			return true;
		p += len;
		if (!*p)
			return false;
	}
}

static int qemu_find_program(const struct qemu_machine *machine, const char *name, char *program, size_t program_len,
    char *text, size_t text_len)
{
	if (!name)
		name = getenv(machine->variable);
	if (!name || !*name)
		name = machine->program;

	bool found = strchr(name, '/') ? (size_t)snprintf(program, program_len, "%s", name) < program_len &&
	    !access(program, X_OK) : qemu_search_path(name, program, program_len);
	if (found)
		return 0;
	mete__rig_say(text, text_len, "QEMU was not found: no program %s (Debian and Ubuntu: apt install %s)", name,
	    machine->package);
	return METE_ENODEV;
}

static int qemu_firmware(const struct qemu_machine *m)
{
	int fd = memfd_create("mete-rig-firmware", MFD_CLOEXEC);

	if (fd >= 0 && (ftruncate(fd, (off_t)m->firmware_len) ||
	    pwrite(fd, m->halt, m->halt_len, (off_t)m->halt_at) != (ssize_t)m->halt_len)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Move `fd` above the descriptors that the child uses, so that dup2() there overwrites none of them. */
static int qemu_lift(int fd)
{
	if (fd < 0)
		return -1;
	int lifted = fcntl(fd, F_DUPFD_CLOEXEC, QEMU_FD_END);
	close(fd);
	return lifted;
}

static size_t qemu_count(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

static int qemu_arguments(const struct qemu_machine *machine, struct qemu_launch *launch,
    const struct mete_rig_qemu *config, size_t ram, uint64_t disk_len)
{
	static const char *const fixed[] = {
		"-machine", "memory-backend=ram", "-bios", QEMU_FILE(QEMU_FD_FIRMWARE),
		"-accel", "tcg", "-icount", "shift=0,sleep=off",
		"-nodefaults", "-no-user-config", "-display", "none",
		/* The chardev must be called qtest: QEMU 7.2 looks for that name, whatever -qtest says. */
		"-chardev", "socket,id=qtest,fd=" QEMU_TEXT(QEMU_FD_TEST), "-qtest", "chardev:qtest",
		"-qtest-log", "none", NULL
	};
	size_t nfixed = qemu_count(fixed), nmachine = qemu_count(machine->arguments), n = 0;
	size_t noptions = qemu_count(config->options);

	/* 10 = program, RAM (4), disk (4), the end */
	launch->argv = calloc(nfixed + nmachine + noptions + 10, sizeof(*launch->argv));
	if (!launch->argv)
		return METE_ENOMEM;

	launch->argv[n++] = launch->program;
	memcpy(&launch->argv[n], machine->arguments, nmachine * sizeof(*machine->arguments));
	n += nmachine;
	memcpy(&launch->argv[n], fixed, nfixed * sizeof(*fixed));
	n += nfixed;

	snprintf(launch->memory, sizeof(launch->memory), "%zuM", ram / RIG_MIB);
	snprintf(launch->ram, sizeof(launch->ram),
	    "memory-backend-file,id=ram,size=%zu,share=on,mem-path=" QEMU_FILE(QEMU_FD_RAM), ram);
	launch->argv[n++] = "-m";
	launch->argv[n++] = launch->memory;
	launch->argv[n++] = "-object";
	launch->argv[n++] = launch->ram;

	if (config->disk) {
		snprintf(launch->nvme, sizeof(launch->nvme), "nvme,drive=disk,serial=mete,mdts=%u",
		    config->disk_mdts ? config->disk_mdts : RIG_DISK_MDTS);
		launch->argv[n++] = "-blockdev";
		/* No lock is asked for: reading harms nobody, and the file may be the disk of a machine that runs. */
		launch->argv[n++] = disk_len ?
		    "{\"node-name\":\"disk\",\"driver\":\"file\",\"filename\":\"" QEMU_FILE(QEMU_FD_DISK) "\","
		    "\"read-only\":true,\"auto-read-only\":false,\"locking\":\"off\"}" :
		    "{\"node-name\":\"disk\",\"driver\":\"null-co\",\"size\":" QEMU_TEXT(RIG_DISK_BLOCK) ","
		    "\"read-zeroes\":true,\"read-only\":true}";
		launch->argv[n++] = "-device";
		launch->argv[n++] = launch->nvme;
	}
	if (noptions)
		memcpy(&launch->argv[n], config->options, noptions * sizeof(*launch->argv));
	return 0;
}

/* Close all that the child must not inherit; the callers of a library do not always set close-on-exec. */
static void qemu_close_rest(void)
{
	if (!close_range(QEMU_FD_END, ~0u, 0))
		return;
	long most = sysconf(_SC_OPEN_MAX);
	for (int fd = QEMU_FD_END; fd < (most > 0 && most < 65536 ? most : 65536); fd++)
		close(fd);
}

/* In the child, between fork() and exec(): system calls only. */
static _Noreturn void qemu_child(const struct qemu_launch *launch, int output)
{
	static const char hopeless[] = "the program cannot be run\n";
	const struct rlimit no_core = { 0, 0 };
	sigset_t none;

	/* If the parent died before the first line, the kernel will not tell: look. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != launch->parent)
		_exit(127);

	setsid(); /* a terminal's interrupt is for the caller, who decides what becomes of the rig */
	setrlimit(RLIMIT_CORE, &no_core);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);

	int null = open("/dev/null", O_RDONLY);
	if (null > 0)
		dup2(null, 0);
	dup2(output, 1);
	dup2(output, 2);
	for (int fd = QEMU_FD_TEST; fd < QEMU_FD_END; fd++) {
		if (launch->fd[fd] >= 0)
			dup2(launch->fd[fd], fd);
		else
			close(fd);
	}
	qemu_close_rest();
	execv(launch->program, (char *const *)(uintptr_t)launch->argv);
	if (write(2, hopeless, sizeof(hopeless) - 1) < 0)
		_exit(126);
	_exit(127);
}

/*
 * Check that the machine lives, and that its RAM is ours: a word written here must be read there.  It lies behind the
 * first MiB, where QEMU may still be writing what it wants there.
 */
static int qemu_greet(struct qemu *q)
{
	const uint32_t mark = 0x6d657465; /* "mete" */
	unsigned char *word = q->rig.ram + RIG_MIB;
	uint64_t seen;

	for (unsigned i = 0; i < 4; i++)
		word[i] = (unsigned char)(mark >> 8 * i);
	int error = qemu_read(&q->rig, q->rig.place->ram + RIG_MIB, 4, &seen);
	memset(word, 0, 4);
	if (!error && seen != mark)
		error = qemu_gone(q, "QEMU does not share our memory; ", 0);
	return error;
}

/* Make the descriptors and arguments of the child; the caller closes and frees what is there, also after a failure. */
static int qemu_prepare(struct qemu *q, const struct mete_rig_qemu *config, struct qemu_launch *launch, char *text,
    size_t text_len)
{
	int pair[2] = { -1, -1 };
	uint64_t disk_len = 0;

	int error = qemu_find_program(q->machine, config->program, launch->program, sizeof(launch->program), text,
	    text_len);
	if (error)
		return error;
	if (config->disk)
		error = mete__rig_disk(config->disk, &launch->fd[QEMU_FD_DISK], &disk_len, text, text_len);
	if (!error)
		error = mete__rig_ram(&q->rig, config->ram, &launch->fd[QEMU_FD_RAM]);
	if (error)
		return error;
	launch->fd[QEMU_FD_FIRMWARE] = qemu_firmware(q->machine);
	if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		q->test = pair[0];
		launch->fd[QEMU_FD_TEST] = pair[1];
	}
	q->output = qemu_lift(memfd_create("mete-rig-output", MFD_CLOEXEC));

	bool complete = q->test >= 0 && q->output >= 0;
	for (int fd = QEMU_FD_TEST; fd < QEMU_FD_END; fd++) {
		bool wanted = fd != QEMU_FD_DISK || config->disk;
		launch->fd[fd] = qemu_lift(launch->fd[fd]);
		complete = complete && (!wanted || launch->fd[fd] >= 0);
	}
	if (!complete)
		return METE_ENOMEM;
	return qemu_arguments(q->machine, launch, config, q->rig.ram_len, disk_len);
}

static int qemu_launch(struct qemu *q, const struct mete_rig_qemu *config, char *text, size_t text_len)
{
	struct qemu_launch launch = { .parent = getpid() };

	for (int fd = 0; fd < QEMU_FD_END; fd++)
		launch.fd[fd] = -1;
	int error = qemu_prepare(q, config, &launch, text, text_len);

	if (!error) {
		pid_t pid = fork();
		if (!pid)
			qemu_child(&launch, q->output);
		if (pid > 0)
			q->pid = pid;
		else
			error = METE_ENOMEM;
	}
	/* Ours must go, or the socket would not end with the child. */
	for (int fd = 0; fd < QEMU_FD_END; fd++) {
		if (launch.fd[fd] >= 0)
			close(launch.fd[fd]);
	}
	free(launch.argv);
	return error;
}

int mete_rig_start_qemu(const struct mete_rig_qemu *config, struct mete_rig **ret_rig, char *text, size_t text_len)
{
	static const struct mete_rig_qemu defaults;

	mete__rig_say(text, text_len, "%s", "");
	if (!config)
		config = &defaults;
	const struct qemu_machine *machine = mete__qemu_machine(config->machine);
	if (!machine || config->disk_mdts > RIG_DISK_MDTS_MAX)
		return METE_EINVAL;
	struct qemu *q = calloc(1, sizeof(*q));
	if (!q)
		return METE_ENOMEM;
	q->rig.ops = &qemu_ops;
	q->rig.place = &machine->place;
	q->machine = machine;
	q->test = q->output = -1;
	q->timeout_ms = config->timeout_ms ? config->timeout_ms : QEMU_TIMEOUT_MS;

	int error = qemu_launch(q, config, text, text_len);
	if (!error)
		error = qemu_greet(q);
	if (!error)
		error = mete__rig_init(&q->rig);
	if (error) {
		if (*q->words)
			mete__rig_say(text, text_len, "%s", q->words);
		else if (text && text_len && !*text)
			mete__rig_say(text, text_len, "%s", mete_error_text(error));
		qemu_stop(&q->rig);
		mete__rig_fini(&q->rig);
		free(q);
		return error;
	}
	*ret_rig = &q->rig;
	return 0;
}
