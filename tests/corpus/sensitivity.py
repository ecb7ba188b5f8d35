# SPDX-License-Identifier: ISC
"""How much the verifier sees: break correct drivers, one mistake at a time, and look whether it says so.

  sensitivity.py BUILD SOURCE [--all | --sample N] [--only WORD] [--list] [--verbose]

Mistakes are made in the text of the corpus's programs, above the line "/* Its user. */", by rules that know the calls and
nothing else: a statement is blanked, doubled or swapped with its neighbour, an argument is altered.  Lines stay where they are.
Each altered program is compiled with the commands of BUILD, linked with the same harness, and run on all machines.

A mistake counts as *caught* if some report has an ID that is right for it (RIGHT, below) and names a right line: the altered
statement's, or that of another statement about the same object, which is one that shares a name with it other than those that
every statement has (COMMON), or that is assigned to or from one, or a line of a helper that is given such an object.  If a device
was not stopped, any line of that function or of one that it calls is right.  *Elsewhere*: the ID is right, but no line is, or it has none.  *Otherwise*: there are only other
reports.  *Failed*: no report, but the program noticed wrong data, a lost interrupt, or died.  *Missed*: nothing.

Prints TAP: a test for each kind of mistake, which passes if all of its mistakes are caught or in KNOWN, with a reason.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

RUN = ['-s', '1', '-n', '3']
ENOUGH = 0.75  # of all, without a sanitizer: what was reached must not be lost

# Which IDs are right for which mistake.
RIGHT = {
    'unmap deleted': 'A04 A07 M11 X05 X06 D02',
    'unmap doubled': 'M09 X07',
    'unmap before its time': 'D01 D02 O06 X07 M09',
    'unmap with a longer length': 'M06',
    'unmap with a shorter length': 'M06',
    'unmap with another count': 'M10',
    'unmap in another direction': 'M07',
    'map with a longer length': 'M06 A10 M11 O04 D01',
    'map with a shorter length': 'M06 D01 D05 A11 O04 M10',
    'map in another direction': 'M07 D03 D04 O05',
    'map not checked': 'M05 O06 X07 D01 M09',
    'sync for CPU deleted': 'O01 O02 O07 O09 O12',
    'sync for device deleted': 'O01 O03 O07 O08',
    'sync after writes deleted': 'O07 O01',
    'sync too long': 'O04',
    'sync too short': 'O01 O02 O03 O09',
    'sync in another direction': 'O05 O07 O02 O03 O01 O09',
    'sync at the wrong time': 'O01 O02 O03 O07 O08',
    'barrier deleted': 'O10 O11',
    'free deleted': 'A07 X05',
    'free doubled': 'A01 A03',
    'free with another length': 'A02',
    'free with another bus address': 'A06',
    'free before unmap': 'A04 X07',
    'allocation too short': 'A02 A09 A10 A11 D01 D02 O04 M03',
    'device not stopped': 'A04 A09 D01 D02 X09',
    'address cut to 32 bits': 'C07 D01 D02',
    'list not ended': 'D01 D02 A09',
}

# Names that say nothing about which object a statement is about.
COMMON = set('''dev sc nic copy m edu disk i n len error void if return goto while for else u8 u32 u64 unsigned dma_addr_t
    bus_size_t bus_addr_t uint32_t sizeof regs NULL bool true false struct const int char offset'''.split())
COMMON_ENDS = ('->dev', '->regs', 'sc_dmat', 'sc_iot', 'sc_ioh', '->tag', '_tag', '.tag', '->iot', '->ioh', '.len', '->len')

# Not mistakes, and not counted: (what the name of the altered program must match, why).
HARMLESS = [
    (r'linux/\w+:\d+ \w+\(\) sync (for device deleted|too short): dma_sync_\w+_for_device\(.*DMA_FROM_DEVICE',
     'nobody wrote, so nothing has to be passed on; the kernel\'s DMA-API-HOWTO says so'),
    (r'linux/copy_inplace:\d+ mover_check\(\) sync (for device deleted|too short|in another direction): \w+_for_device',
     'the CPU has only read'),
    (r'linux/copy_inplace:\d+ mover_set\(\) sync in another direction: \w+_for_device', 'the CPU\'s writes are passed on all the same'),
    (r'(openbsd|freebsd)/.* sync (after writes deleted|at the wrong time|too short|in another direction): .*, BUS_DMASYNC_POSTWRITE\)',
     'nothing has to be done after a device has only read, on any machine'),
    (r'openbsd/.* unmap deleted: .*', 'bus_dmamap_destroy(9) of a loaded map unloads it'),
    (r'freebsd/.* unmap doubled: ', 'bus_dmamap_unload(9) of a map that is not loaded does nothing'),
    (r'openbsd/copy_maps.* sync too short: .*sc_map, 0, LIST', 'no list is so long'),
    (r'openbsd/nic_\w+:\d+ \w+\(\) sync too short: .*_PREREAD', 'nobody has written behind what is synced'),
]

# Not caught, and why; some are where the address sanitizer is the shadow.
KNOWN = [
    (r'dma_pool_destroy', 'a pool in which nothing is live is no leak of memory; fixtures tell of it (mete_test_begin(3))'),
    (r' barrier deleted', 'stores of one cache line arrive together, and loads in order: nothing can be seen'),
    (r' sync (for CPU deleted|too short|in another direction|at the wrong time): .*(for_cpu|POST|TAKE)',
     'the CPU reads what was not passed back: wrong data, but not yet a report'),
    (r' sync (for device deleted|too short|at the wrong time): .*GIVE', 'the device sees no descriptor, and nothing happens'),
    (r'linux/copy_sg:\d+ copy_do\(\) map (not checked|with a shorter length)', 'the program follows a list past its end, and dies'),
    (r'freebsd/.* sync .*rings', 'the memory is coherent, so that only a barrier is missing'),
    (r'freebsd/.*(list_map|mem->map|area\[i\]\.map)', 'memory of a tag\'s own is loaded without the core, which hears nothing of it'),
    (r'freebsd/copy_later:\d+ copy_load\(\) map with a shorter length', 'the program goes past the last segment, and dies'),
    (r'freebsd/copy_later:\d+ copy_fill\(\) address cut .*next', 'on none of the machines has this list two descriptors'),
    (r'openbsd/nic_spare:\d+ nic_receive\(\) sync .*CLUSTER, BUS_DMASYNC_PREREAD|freebsd/\w+:\d+ \w+_alloc\(\) free ',
     'on none of the machines does this line run'),
    (r'linux/nic_tx:\d+ nic_stop\(\) free deleted', 'it was allocated under another name'),
    (r'openbsd/copy_maps:\d+ copy_attach\(\) map not checked|nic_load_copy\(\) map not checked|nic_spare:\d+ \w+\(\) map not',
     'on none of the machines does this load fail alone'),
    (r' free before unmap: .*slot\[i\]\.(map|bus)', 'the memory is not the library\'s, so it cannot know that it was freed'),
]


class Mutant:
    def __init__(self, program, kind, first, last, text, what, lines):
        self.program, self.kind, self.first, self.last, self.text, self.what = program, kind, first, last, text, what
        self.lines = lines  # of the program as it was

    def name(self):
        return '%s:%d %s() %s: %s' % (self.program, self.first, function_of(self.lines, self.first)[0], self.kind, self.what)


class Call:
    """A call in a statement: where each argument and the whole statement are."""

    def __init__(self, text, at, name):
        self.name = name
        self.at = at
        self.args = []
        depth, i = 0, text.index('(', at)
        start = i + 1
        while True:
            c = text[i]
            if c in '([{':
                depth += 1
            elif c in ')]}':
                depth -= 1
                if not depth:
                    break
            elif c == ',' and depth == 1:
                self.args.append((start, i))
                start = i + 1
            i += 1
        self.args.append((start, i))
        self.end = i + 1
        self.first = text.rindex('\n', 0, at) + 1
        while text[self.first:at].strip() and text[:self.first - 1].rsplit('\n', 1)[-1][-1:] not in ';{}:/' \
                and text[:self.first - 1].rsplit('\n', 1)[-1].strip().startswith(('int error =', 'error =')):
            self.first = text.rindex('\n', 0, self.first - 1) + 1
        self.stop = self.end
        self.statement = text[self.end] == ';' and not text[self.first:at].strip()
        if text[self.end] == ';':
            self.stop = self.end + 1


def calls(text, names):
    for match in re.finditer(r'\b(%s)\(' % names, text):
        yield Call(text, match.start(), match.group(1))


def splice(text, start, end, new):
    """Replace, and keep the lines."""
    old = text[start:end]
    return text[:start] + new + '\n' * (old.count('\n') - new.count('\n')) + text[end:]


def argument(text, call, i):
    start, end = call.args[i]
    return start, end, text[start:end].strip()


OTHER_DIR = {'DMA_TO_DEVICE': 'DMA_FROM_DEVICE', 'DMA_FROM_DEVICE': 'DMA_TO_DEVICE', 'DMA_BIDIRECTIONAL': 'DMA_TO_DEVICE',
             'dir': '(dir == DMA_TO_DEVICE ? DMA_FROM_DEVICE : DMA_TO_DEVICE)'}


class Maker:
    def __init__(self, program, text):
        self.program, self.text, self.all = program, text, []
        driver = text[:text.index('/* Its user. */')]
        self.driver = re.sub(r'/\*.*?\*/', lambda m: re.sub(r'[^\n]', ' ', m.group(0)), driver, flags=re.S)

    def add(self, kind, call, new):
        first = self.text.count('\n', 0, call.at) + 1
        last = self.text.count('\n', 0, call.end) + 1
        what = ' '.join(self.text[call.first:call.stop].split())
        self.all.append(Mutant(self.program, kind, first, last, new, what, self.text.splitlines()))

    def alter(self, kind, call, i, new):
        start, end, _ = argument(self.text, call, i)
        lead = len(self.text[start:end]) - len(self.text[start:end].lstrip())
        self.add(kind, call, splice(self.text, start + lead, end, new))

    def delete(self, kind, call):
        if call.statement:
            self.add(kind, call, splice(self.text, call.at, call.stop, ';'))
        else:  # an argument of a condition or an assignment stays as if all went well
            self.add(kind, call, splice(self.text, call.at, call.end, '0'))

    def double(self, kind, call):
        whole = self.text[call.at:call.stop]
        if call.statement:
            flat = ' '.join(whole.split())
            self.add(kind, call, splice(self.text, call.at, call.stop, '{ ' + flat + ' ' + flat + ' }'))

    def swap_next(self, kind, call, follows):
        """With the statement behind it, if that is one of `follows`."""
        match = re.match(r'\s*\b(%s)\(' % follows, self.text[call.stop:])
        if not call.statement or not match:
            return
        other = Call(self.text, self.text.index(match.group(1), call.stop), match.group(1))
        a, gap, b = self.text[call.at:call.stop], self.text[call.stop:other.at], self.text[other.at:other.stop]
        self.add(kind, call, self.text[:call.at] + b + gap + a + self.text[other.stop:])

    def early(self, kind, call, start):
        """Before the nearest `start` above it, in the same function."""
        above = self.text.rfind('\n}\n', 0, call.at)
        at = self.text.rfind(start, above, call.at)
        if at < 0 or not call.statement:
            return
        at = self.text.rindex('\n', 0, at) + 1
        whole = ' '.join(self.text[call.at:call.stop].split())
        moved = splice(self.text, call.at, call.stop, ';')
        self.add(kind, call, moved[:at] + whole + ' ' + moved[at:])

    def linux(self):
        t = self.driver
        for c in calls(t, r'dma_unmap_single|dma_unmap_page|dma_unmap_sg'):
            self.delete('unmap deleted', c)
            self.double('unmap doubled', c)
            _, _, length = argument(t, c, 2)
            if c.name == 'dma_unmap_sg':
                self.alter('unmap with another count', c, 2, '(%s) + 1 - 2 * ((%s) > 1)' % (length, length))
            else:
                self.alter('unmap with a longer length', c, 2, '(%s) + 1' % length)
                self.alter('unmap with a shorter length', c, 2, '((%s) + 1) / 2' % length)
            _, _, direction = argument(t, c, 3)
            self.alter('unmap in another direction', c, 3, OTHER_DIR[direction])
            self.swap_next('free before unmap', c, 'kfree|__free_pages')
            self.early('unmap before its time', c, 'writeq(')
        for c in calls(t, r'dma_map_single|dma_map_page|dma_map_sg'):
            d, n = (4, 3) if c.name == 'dma_map_page' else (3, 2)
            _, _, direction = argument(t, c, d)
            _, _, length = argument(t, c, n)
            self.alter('map in another direction', c, d, OTHER_DIR[direction])
            if c.name != 'dma_map_sg':
                self.alter('map with a longer length', c, n, '(%s) + 1' % length)
                self.alter('map with a shorter length', c, n, '((%s) + 1) / 2' % length)
            else:
                self.alter('map with a shorter length', c, n, '(%s) - ((%s) > 1)' % (length, length))
        for c in calls(t, 'dma_mapping_error'):
            self.delete('map not checked', c)
        for match in re.finditer(r'if \(!(from_mapped|to_mapped)\)', t):
            c = Call(t, match.start(), 'if')
            self.add('map not checked', c, splice(self.text, match.start(), match.end(), 'if (0)'))
        for c in calls(t, r'dma_sync_\w+_for_cpu'):
            self.delete('sync for CPU deleted', c)
            self.sync_linux(c)
        for c in calls(t, r'dma_sync_\w+_for_device'):
            self.delete('sync for device deleted', c)
            self.sync_linux(c)
        for c in calls(t, r'dma_wmb|dma_rmb|wmb|rmb|mb'):
            self.delete('barrier deleted', c)
        for c in calls(t, r'kfree|__free_pages|dma_free_coherent|dma_pool_free|dma_pool_destroy'):
            self.delete('free deleted', c)
            if c.name != 'dma_pool_destroy':
                self.double('free doubled', c)
            if c.name == 'dma_free_coherent':
                _, _, length = argument(t, c, 1)
                _, _, bus = argument(t, c, 3)
                self.alter('free with another length', c, 1, '(%s) * 2 + 4096' % length)
                self.alter('free with another bus address', c, 3, bus + ' + 64')
        for c in calls(t, r'dma_alloc_coherent'):
            _, _, length = argument(t, c, 1)
            self.alter('allocation too short', c, 1, '((%s) + 1) / 2' % length)
        for c in calls(t, 'writel'):
            if argument(t, c, 0)[2] == '0' or ('_stop(' in t[t.rindex('\n{', 0, c.at) - 80:c.at] and 'CONTROL' in t[c.at:c.end]):
                self.delete('device not stopped', c)
        for c in calls(t, 'cpu_to_le64'):
            _, _, value = argument(t, c, 0)
            self.alter('address cut to 32 bits', c, 0, '(u32)(%s)' % value)
        for match in re.finditer(r'\n\t*(\S+next = 0;)', t):
            c = Call(t.replace(match.group(1), match.group(1)), match.start(1) - 0, 'next') if '(' in t[match.start(1):] else None
            if c:
                c.first = c.at = match.start(1)
                c.end = c.stop = match.end(1)
                self.add('list not ended', c, splice(self.text, match.start(1), match.end(1), ';'))

    def sync_linux(self, c):
        n = 3 if '_range_' in c.name else 2
        _, _, length = argument(self.text, c, n)
        _, _, direction = argument(self.text, c, n + 1)
        self.alter('sync too long', c, n, '(%s) + 8192' % length)
        self.alter('sync too short', c, n, '((%s) + 1) / 2' % length)
        self.alter('sync in another direction', c, n + 1, OTHER_DIR[direction])

    def bsd(self, openbsd):
        t = self.driver
        for c in calls(t, 'bus_dmamap_unload'):
            self.delete('unmap deleted', c)
            self.double('unmap doubled', c)
            self.early('unmap before its time', c, 'METE_SIM_COPY_START')
            self.swap_next('free before unmap', c, r'corpus_buffer_free|bus_dmamem_free|bus_dmamap_destroy')
        for c in calls(t, r'bus_dmamap_load|bus_dmamap_load_mbuf|bus_dmamap_load_mbuf_sg'):
            if 'mbuf' not in c.name:
                _, _, length = argument(t, c, 3)
                self.alter('map with a shorter length', c, 3, '((%s) + 1) / 2' % length)
            last = t[c.args[-1][0]:c.args[-1][1]]
            for old, new in (('BUS_DMA_READ', 'BUS_DMA_WRITE'), ('BUS_DMA_WRITE', 'BUS_DMA_READ')):
                if re.search(old + r'\b', last):
                    self.alter('map in another direction', c, len(c.args) - 1, last.strip().replace(old, new))
            if re.search(r'\bNOWRITE', last) or ('load' in c.name and not openbsd and last.strip() == '0'):
                self.alter('map in another direction', c, len(c.args) - 1,
                           last.strip().replace('BUS_DMA_NOWRITE', '0') if 'NOWRITE' in last else 'BUS_DMA_NOWRITE')
            match = re.match(r';\n\t+if \(error\)', self.text[c.end:])
            if match:
                start = c.end + match.end() - len('(error)')
                self.add('map not checked', c, splice(self.text, start, start + len('(error)'), '(error == -1)'))
        for c in calls(t, 'bus_dmamap_sync'):
            ops = t[c.args[-1][0]:c.args[-1][1]].strip()
            pre = 'PRE' in ops or ops == 'GIVE'
            if 'READ' in ops or ops in ('GIVE', 'TAKE'):
                self.delete('sync for device deleted' if pre else 'sync for CPU deleted', c)
            else:
                self.delete('sync for device deleted' if pre else 'sync after writes deleted', c)
            if ops in ('GIVE', 'TAKE'):
                turned = 'TAKE' if ops == 'GIVE' else 'GIVE'
            else:
                turned = ops.replace('PRE', '@').replace('POST', 'PRE').replace('@', 'POST')
            self.alter('sync at the wrong time', c, len(c.args) - 1, turned)
            if '|' not in ops and ops not in ('GIVE', 'TAKE'):
                other = ops.replace('READ', '@').replace('WRITE', 'READ').replace('@', 'WRITE')
                self.alter('sync in another direction', c, len(c.args) - 1, other)
            if openbsd:
                _, _, length = argument(t, c, 3)
                self.alter('sync too long', c, 3, '(%s) + 65536' % length)
                self.alter('sync too short', c, 3, '((%s) + 1) / 2' % length)
        for c in calls(t, r'bus_dmamem_free|dma_free'):
            self.delete('free deleted', c)
            self.double('free doubled', c)
            if c.name == 'dma_free':
                _, _, length = argument(t, c, 1)
                self.alter('free with another length', c, 1, '(%s) * 2' % length)
        for c in calls(t, r'dma_alloc'):
            _, _, length = argument(t, c, 0)
            self.alter('allocation too short', c, 0, '((%s) + 1) / 2' % length)
        for c in calls(t, 'bus_space_write_4'):
            if 'NIC_CONTROL, 0' in t[c.at:c.end]:
                self.delete('device not stopped', c)
        for c in calls(t, 'htole64'):
            _, _, value = argument(t, c, 0)
            self.alter('address cut to 32 bits', c, 0, '(uint32_t)(%s)' % value)
        for match in re.finditer(r'\n\t*(\S+\.next = 0;)', t):
            c = Call(t, match.start(1), 'next')
            c.first = c.at = match.start(1)
            c.end = c.stop = match.end(1)
            self.add('list not ended', c, splice(self.text, match.start(1), match.end(1), ';'))


PATH = r'[A-Za-z_]\w*(?:\s*(?:->|\.)\s*\w+|\[[^][]*\])+'


def names_in(text):
    """The objects that a text names: nic->slot.bus for nic->slot[i].bus, and plain names."""
    paths = set()
    for path in re.findall(PATH, text):
        path = re.sub(r'\[[^][]*\]', '', path)
        paths.add(re.match(r'\w+', path).group(0))
        while re.search(r'->|\.', path):
            if not path.endswith(COMMON_ENDS):
                paths.add(path)
            path = re.sub(r'(->|\.)[^->.]*$', '', path)
    plain = re.sub(PATH, lambda match: ' '.join(re.findall(r'\[([^][]*)\]', match.group(0))), text)
    words = set(re.findall(r'\b[A-Za-z_]\w*\b(?!\()', plain))
    return (paths | {word for word in words if not re.match(r'(DMA|BUS|METE|GFP|PAGE|POST|PRE)', word)}) - COMMON


def objects(mutant):
    """The names of the altered statement, and those that are assigned to or from them."""
    # What was not checked was made in the statement before.
    first = mutant.first - (2 if mutant.kind == 'map not checked' else 1)
    names = names_in(' '.join(mutant.lines[first:mutant.last]))
    for line in mutant.lines:
        match = re.match(r'\s*(?:\w+ )*\*?(%s|\w+) = &?(%s|\w+);' % (PATH, PATH), line) or re.search(r'for_each_sg\((\w+), (\w+)', line)
        if match:
            two = names_in(match.group(1)) | names_in(match.group(2))
            if two & names:
                names = names | two
    return names


def function_of(lines, line):
    """The name of the function that a line is in, and its lines."""
    first = line
    while first > 1 and lines[first - 1] != '{':
        first -= 1
    last = line
    while last < len(lines) and lines[last - 1] != '}':
        last += 1
    match = re.search(r'(\w+)\([^()]*(\([^()]*\)[^()]*)*\)$', ' '.join(lines[max(first - 3, 0):first - 1]))
    return match.group(1) if match else '?', lines[first - 1:last]


def right_line(mutant, report, file):
    wanted = objects(mutant)
    text = '\n'.join(mutant.lines)
    name, body = function_of(mutant.lines, mutant.first)
    for spot in report.values():
        if not isinstance(spot, dict) or not spot.get('file') or os.path.basename(spot['file']) != file:
            continue
        line = spot['line']
        # A statement may begin or go on beside the line of its call.
        near = ' '.join(mutant.lines[max(line - 2, 0):line + 1])
        if mutant.first <= line <= mutant.last or wanted & names_in(near):
            return True
        function, _ = function_of(mutant.lines, line)
        # A helper that was given the object.
        if any(wanted & names_in(match.group(1)) for match in re.finditer(r'\b%s\((.*)\);' % re.escape(function), text)):
            return True
        if mutant.kind == 'device not stopped' and (function == name or function + '(' in '\n'.join(body)):
            return True
    return False


class Bench:
    def __init__(self, build, root, folder):
        self.build, self.root, self.folder = build, root, folder
        self.compiles, self.links = {}, {}
        for entry in json.load(open(os.path.join(build, 'compile_commands.json'))):
            if '/tests/corpus/' in '/' + entry['file'] and '.p/' in entry.get('output', entry['command']):
                self.compiles[os.path.normpath(os.path.join(entry['directory'], entry['file']))] = entry

    def prepare(self, program):
        source = os.path.join(self.root, 'tests/corpus', program + '.c')
        entry = self.compiles[os.path.normpath(os.path.abspath(source))]
        words = shlex.split(entry['command'])
        words = [w for w in words if not re.match(r'-(W|pedantic|MD|fdiagnostics)', w)]
        words = [w for w in words if not re.match(r'-O', w)]
        words = words[:1] + ['-O1', '-w', '-I', os.path.dirname(os.path.abspath(source))] + words[1:]
        for flag in ('-MQ', '-MF', '-o', '-c'):
            while flag in words:
                i = words.index(flag)
                del words[i:i + 2]
        target = 'tests/corpus/corpus_' + program.replace('/', '_')
        command = subprocess.run(['ninja', '-C', self.build, '-t', 'commands', '-s', target], capture_output=True, text=True)
        link = shlex.split([line for line in command.stdout.splitlines() if line.strip()][-1].replace('[1/1]', ''))
        return words, link, target

    def run(self, mutant, number, how):
        words, link, target = how
        place = os.path.join(self.folder, str(number))
        os.mkdir(place)
        source, object_ = os.path.join(place, os.path.basename(mutant.program) + '.c'), os.path.join(place, 'o.o')
        program = os.path.join(place, 'program')
        with open(source, 'w') as out:
            out.write(mutant.text)
        done = subprocess.run(words + ['-o', object_, '-c', source], cwd=self.build, capture_output=True, text=True)
        if done.returncode:
            return 'no program', done.stderr
        words = [program if w == target else object_ if w.endswith('.c.o') else w for w in link]
        done = subprocess.run(words, cwd=self.build, capture_output=True, text=True)
        if done.returncode:
            return 'no program', done.stderr
        try:
            done = subprocess.run([program] + RUN, cwd=place, capture_output=True, text=True, timeout=20, errors='replace')
            output, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as late:
            output, status = (late.stdout or b'').decode(errors='replace'), 'timeout'
        finally:
            for name in os.listdir(place):
                os.unlink(os.path.join(place, name))
        return self.verdict(mutant, output, status)

    def look(self, mutant, number, how, verbose):
        result = self.run(mutant, number, how)
        if verbose:
            print(result[0], result[1], mutant.name(), file=sys.stderr, flush=True)
        return result

    @staticmethod
    def verdict(mutant, output, status):
        reports = []
        for line in output.splitlines():
            try:
                reports.append(json.loads(line.split(' ', 2)[2]))
            except (ValueError, IndexError):
                continue
        ids = sorted({r['id'][4:] for r in reports})
        right = [r for r in reports if r['id'][4:] in RIGHT[mutant.kind].split()]
        file = os.path.basename(mutant.program) + '.c'
        if any(right_line(mutant, r, file) for r in right):
            return 'caught', ids
        if right:
            return 'elsewhere', ids
        if reports:
            return 'otherwise', ids
        return ('failed', status) if status else ('missed', '')


def excuse(excuses, mutant):
    """The first that matches, or None."""
    return next((why for pattern, why in excuses if re.search(pattern, mutant.name())), None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build')
    parser.add_argument('root')
    parser.add_argument('--all', action='store_true')
    parser.add_argument('--sample', type=int, default=0)
    parser.add_argument('--only', default='')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--verbose', action='store_true')
    options = parser.parse_args()

    mutants = []
    corpus = os.path.join(options.root, 'tests/corpus')
    for system in ('linux', 'openbsd', 'freebsd'):
        for name in sorted(os.listdir(os.path.join(corpus, system))):
            if not name.endswith('.c') or name.startswith('system_'):
                continue
            program = system + '/' + name[:-2]
            maker = Maker(program, open(os.path.join(corpus, program + '.c')).read())
            maker.linux() if system == 'linux' else maker.bsd(system == 'openbsd')
            mutants += maker.all
    mutants = [m for m in mutants if options.only in m.name()]
    if options.sample and not (options.all or os.environ.get('METE_CORPUS_SEEDS')):
        # In an order of no meaning, which is the same each time.
        mutants.sort(key=lambda m: hashlib.sha256(m.name().encode()).hexdigest())
        mutants = mutants[:options.sample]
    if options.list:
        for m in mutants:
            print(m.name())
        return 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(os.path.abspath(options.build), os.path.abspath(options.root), folder)
        how = {program: bench.prepare(program) for program in {m.program for m in mutants}}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda im: bench.look(im[1], im[0], how[im[1].program], options.verbose), enumerate(mutants)))

    words = ('caught', 'elsewhere', 'otherwise', 'failed', 'missed', 'no program')
    kinds = sorted({m.kind for m in mutants}, key=list(RIGHT).index)
    print('1..%d' % (len(kinds) + 1))
    bad = nharmless = 0
    for number, kind in enumerate(kinds, 1):
        rows = [(m, r) for m, r in zip(mutants, results) if m.kind == kind]
        harmless = [(m, r) for m, r in rows if r[0] in ('failed', 'missed') and excuse(HARMLESS, m)]
        rows = [row for row in rows if row not in harmless]
        nharmless += len(harmless)
        lost = [(m, r) for m, r in rows if r[0] != 'caught' and not excuse(KNOWN, m)]
        counts = ', '.join('%d %s' % (sum(r[0] == w for _, r in rows), w) for w in words if any(r[0] == w for _, r in rows))
        print('%s %d - %s: %s%s' % ('not ok' if lost else 'ok', number, kind, counts,
                                ' (and %d harmless)' % len(harmless) if harmless else ''))
        for m, r in lost:
            print('# %s %s %s' % (r[0], r[1], m.name()))
        bad += len(lost)
    caught = sum(r[0] == 'caught' for r in results)
    right = caught + sum(r[0] == 'elsewhere' for r in results)
    mistakes = len(mutants) - nharmless
    print('# of %d mistakes %d were caught with the right ID and line (%.1f %%), %d with the right ID (%.1f %%); %d were harmless' %
          (mistakes, caught, 100 * caught / mistakes, right, 100 * right / mistakes, nharmless))
    enough = options.sample or caught >= ENOUGH * mistakes
    print('%s %d - enough are caught' % ('ok' if enough else 'not ok', len(kinds) + 1))
    return 1 if bad or not enough else 0


if __name__ == '__main__':
    sys.exit(main())
