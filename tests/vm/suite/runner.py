#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# Runs rdma-core's own tests (those of Debian's python3-pyverbs) on devices.
#
# usage: runner.py FOLDER SECONDS DEVICE[,DEVICE...] [MODULE...]
#
# FOLDER has the tests, unpacked. Each module runs in a process of its own, which
# gets SECONDS for each test; when a test hangs or takes the interpreter with it,
# that is its result, and another process goes on with the tests after it.
#
# Prints a line for each test, with tabs between:
#
#     test DEVICE MODULE CLASS.METHOD RESULT SECONDS REASON
#
# RESULT is passed, failed, skipped, hung or crashed. What a test has printed and
# the traceback of a failure come before it, as comments.

import json
import os
import select
import signal
import sys
import time
import unittest


def short(text):
    """The last line of a message, without what would break a table."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[-1].replace('\t', ' ') if lines else ''


class Reporter(unittest.TestResult):
    """Writes what becomes of each test to a pipe, one JSON list a line."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe
        self.outcome = None

    def tell(self, *words):
        self.pipe.write(json.dumps(words) + '\n')
        self.pipe.flush()

    def startTest(self, test):
        super().startTest(test)
        self.outcome = ('passed', '', '')
        self.began = time.monotonic()
        self.tell('begin', name_of(test))

    def stopTest(self, test):
        super().stopTest(test)
        self.tell('end', name_of(test), *self.outcome,
                  time.monotonic() - self.began)
        self.outcome = None

    def set(self, test, *outcome):
        if self.outcome:
            self.outcome = outcome
        else:   # setUpClass and the like, which are no tests
            self.tell('end', str(test), *outcome, 0)

    def bad(self, test, err):
        text = self._exc_info_to_string(err, test)
        self.set(test, 'failed', short(text), text)

    def addError(self, test, err):
        super().addError(test, err)
        self.bad(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.bad(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if not self.outcome or self.outcome[0] != 'failed':
            self.set(test, 'skipped', short(reason), '')

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.set(test, 'failed', 'unexpected success', '')


def name_of(test):
    return '.'.join(test.id().split('.')[-2:])


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def run_module(module, done, pipe):
    """In the module's process: its tests but for those that are done."""
    loaded = unittest.defaultTestLoader.loadTestsFromName('tests.' + module)
    suite = unittest.TestSuite(test for test in tests_of(loaded)
                               if name_of(test) not in done)
    reporter = Reporter(pipe)
    reporter.tell('count', suite.countTestCases())
    suite.run(reporter)
    reporter.tell('over')


class ModuleRun:
    """The runs of one module on one device, until each test has a result."""

    def __init__(self, device, module, seconds):
        self.device = device
        self.module = module
        self.seconds = seconds
        self.done = set()
        self.running = None

    def result(self, name, result, reason='', text='', seconds=0.0):
        self.done.add(name)
        self.running = None
        for line in text.splitlines():
            print('#  ', line)
        print('test', self.device, self.module, name, result,
              f'{seconds:.2f}', reason, sep='\t', flush=True)

    def fork(self):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.setsid()
                os.close(reading)
                os.dup2(1, 2)
                with os.fdopen(writing, 'w') as pipe:
                    run_module(self.module, self.done, pipe)
                status = 0
            finally:
                sys.stdout.flush()
                os._exit(status)
        os.close(writing)
        return pid, reading

    def hear(self, line):
        """True when the module is over."""
        what, *words = json.loads(line)
        if what == 'begin':
            self.running = words[0]
        elif what == 'end':
            self.result(*words)
        return what == 'over'

    def listen(self, reading):
        """What the process says until its end: over, hung or crashed."""
        said = b''
        while True:
            if not select.select([reading], [], [], self.seconds)[0]:
                return 'hung'
            piece = os.read(reading, 65536)
            if not piece:
                return 'crashed'
            said += piece
            *lines, said = said.split(b'\n')
            for line in lines:
                if self.hear(line):
                    return 'over'

    def once(self):
        """One process for the tests that are left; true if none is."""
        pid, reading = self.fork()
        end = self.listen(reading)
        if end == 'hung':
            os.killpg(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if end != 'hung':
            try:
                os.killpg(pid, signal.SIGKILL)  # what it has left behind
            except ProcessLookupError:
                pass
        os.close(reading)
        if end == 'over':
            return True
        if os.WIFSIGNALED(status):
            reason = signal.Signals(os.WTERMSIG(status)).name
        else:
            reason = f'exit status {os.WEXITSTATUS(status)}'
        if end == 'hung':
            reason = f'no end after {self.seconds} s'
        if self.running is None:
            # not in a test: there is no going on
            self.result('module', end, reason)
            return True
        self.result(self.running, end, reason)
        return False

    def run(self):
        while not self.once():
            pass


def main():
    folder, seconds, devices, *modules = sys.argv[1:]
    # the tests find their helpers both ways
    sys.path[:0] = [folder, os.path.join(folder, 'tests')]
    os.chdir(folder)
    if not modules:
        modules = sorted(name[:-3] for name in os.listdir('tests')
                         if name.startswith('test_') and name.endswith('.py'))
    # what all of them need, once for all
    import tests.base
    import tests.utils
    from args_parser import parser
    for module in modules:
        for device in devices.split(','):
            sys.argv[1:] = ['--dev', device]
            parser.parse_args()
            ModuleRun(device, module, int(seconds)).run()


main()
