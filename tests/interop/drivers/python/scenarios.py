"""What the drivers in Python have in common: how a scenario is run and fails, and what does not depend on the client.

driver.py BOOTSTRAP SCENARIO PREFIX RECORDS
"""

import itertools
import json
import sys
import threading
import time

# A topic and a group are named after the prefix.
BOOTSTRAP, SCENARIO, PREFIX, RECORDS = sys.argv[1:]
PARTITIONS = 6


def wait_for(condition, what, seconds=40):
    """`what` is a text, or a function that makes one when it is too late."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def expected_records():
    """Keys, values and lists of headers that must come back byte for byte."""

    def unhex(text):
        return None if text == "-" else bytes.fromhex(text)

    for line in open(RECORDS):
        if not line.startswith("#"):
            key, value, headers = line.rstrip("\n").split("\t")
            pairs = [header.split("=") for header in headers.split(",") if header]
            yield unhex(key), unhex(value), [(bytes.fromhex(name).decode(), unhex(content)) for name, content in pairs]


def await_restart():
    """Asks for another start of the broker, and returns when it was done."""
    print(json.dumps({"restart": True}), flush=True)
    sys.stdin.readline()


class Account:
    """What a member of a group owns and has read."""

    def __init__(self):
        self.owned, self.revoked, self.seen, self.callbacks = set(), set(), [], 0

    def gained(self, partitions):
        self.callbacks += 1
        self.owned = self.owned | {p.partition for p in partitions}

    def lost(self, partitions):
        self.callbacks += 1
        self.owned = self.owned - {p.partition for p in partitions}
        self.revoked |= {p.partition for p in partitions}


class Member(threading.Thread, Account):
    """A member that polls on its own thread: `poll` answers a list of values, `close` leaves the group."""

    def __init__(self, poll, close):
        super().__init__(daemon=True)
        Account.__init__(self)
        self.poll, self.close = poll, close
        self.leaving = threading.Event()

    def run(self):
        while not self.leaving.is_set():
            self.seen += self.poll()
        self.close()

    def leave(self):
        self.leaving.set()
        self.join(40)
        self.owned = set()


class Stream(threading.Thread):
    """Sends numbered values to all partitions in turn until it is stopped."""

    def __init__(self, send, flush):
        super().__init__(daemon=True)
        self.send, self.flush = send, flush
        self.stopping = threading.Event()
        self.sent = []
        self.start()

    def run(self):
        for i in itertools.count():
            if self.stopping.wait(0.005):
                break
            self.sent.append(b"%d" % i)
            self.send(self.sent[-1], i % PARTITIONS)
        self.flush()

    def stop(self):
        self.stopping.set()
        self.join(40)
        return set(self.sent)


def balanced(members):
    return sorted(p for m in members for p in m.owned) == list(range(PARTITIONS)) and all(m.owned for m in members)


def imbalance(members, when):
    return f"{when}: every partition owned once, {[sorted(m.owned) for m in members]}"


def wait_for_balance(members, when):
    wait_for(lambda: balanced(members), lambda: imbalance(members, when))


def group(join, send, flush, cooperative=False):
    """The scenario `group`, or `group-cooperative`. The topic is there; `send` sends a value to a partition."""
    stream = Stream(send, flush)
    first, second = join(), join()
    wait_for_balance([first, second], "two members")
    first.revoked, second.revoked = set(), set()
    third = join()
    wait_for_balance([first, second, third], "a third joins")
    for member in (first, second) if cooperative else ():
        assert not member.revoked & member.owned, "a partition that stays must not be revoked on the way"
    second.leave()
    wait_for_balance([first, third], "one leaves")
    sent = stream.stop()
    wait_for(lambda: sent <= {v for m in (first, second, third) for v in m.seen}, "every record read by a member")
    first.leave()
    third.leave()


def group_static(join, produce):
    """The scenario `group-static`. The topic is there; `produce` sends values to all partitions."""
    first, second = join("one"), join("two")
    wait_for_balance([first, second], "two static members")
    before, callbacks = set(second.owned), first.callbacks
    second.leave()
    second = join("two")
    wait_for(lambda: second.owned == before, "the returning static member owns what it owned")
    produce([b"%d" % i for i in range(60)])
    wait_for(lambda: len(first.seen) + len(second.seen) == 60, "records read by both")
    assert first.callbacks == callbacks, "the return of a static member must not rebalance the group"
    first.leave()
    second.leave()


def run(version, scenarios):
    """Runs the scenario that the command line names, prints what came of it, and ends the process."""
    answer = {"version": version}
    try:
        answer |= {"ok": True, "note": scenarios[SCENARIO]() or ""}
    except Exception as failure:
        answer |= {"ok": False, "error": f"{type(failure).__name__}: {failure}"}
    print(json.dumps(answer), flush=True)
    sys.exit(0 if answer["ok"] else 1)
