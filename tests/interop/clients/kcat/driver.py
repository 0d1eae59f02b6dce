"""kcat, as Debian ships it, with an old librdkafka: driver.py BOOTSTRAP SCENARIO PREFIX RECORDS

kcat cannot create topics: it relies on auto-creation with the broker's own number of partitions.
"""

import itertools
import json
import pathlib
import re
import struct
import subprocess
import tempfile
import threading

from scenarios import BOOTSTRAP, PREFIX, await_restart, expected_records, run, wait_for

# Between two values of one consumer's output; no record contains it.
END = b"\n--end--\n"


def kcat(*arguments, stdin=b"", seconds=40):
    """Runs kcat to its end and returns its output; raises with its complaint when it fails."""
    done = subprocess.run(["kcat", "-b", BOOTSTRAP, *arguments], input=stdin, capture_output=True, timeout=seconds)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def create(topic):
    """Asks for the metadata until auto-creation is through, and returns the number of partitions."""
    found = []

    def created():
        found[:] = json.loads(kcat("-L", "-J", "-t", topic, "-X", "allow.auto.create.topics=true"))["topics"][0]["partitions"]
        try:
            return found and all(kcat("-Q", "-t", f"{topic}:{p['partition']}:-2") for p in found)
        except RuntimeError:
            return False

    wait_for(created, lambda: f"auto-creation of {topic}")
    return len(found)


def codecs():
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = f"{PREFIX}-{codec}"
        create(topic)
        expected = []
        for key, value, headers in expected_records():
            # kcat's headers are text and never null; its keys cannot hold a NUL or be told from null when empty.
            pairs = [(name.encode(), content) for name, content in headers if content is not None and 0 not in content]
            key = b"" if key is None or 0 in key else key
            value = value or b""
            expected.append((key or None, value or None, b",".join(n + b"=" + v for n, v in pairs)))
            options = [o for n, v in pairs for o in ("-H", n + b"=" + v)]
            with tempfile.NamedTemporaryFile() as file:
                pathlib.Path(file.name).write_bytes(value)
                # A file is one message; an empty one can only come as a line with a key delimiter.
                source = ["-k", key, file.name] if value and key else [file.name] if value else ["-K", ":"]
                kcat("-P", "-t", topic, "-p", "0", "-z", codec, "-Z", *options, *source, stdin=key + b":\n")
        output = kcat("-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q", "-f", "%K %R%k%s%h" + END.decode())
        got = []
        for piece in output.split(END)[:-1]:
            key_length, rest = piece.split(b" ", 1)
            key_size, size = max(int(key_length), 0), struct.unpack(">i", rest[:4])[0]
            rest = rest[4:]
            value = None if size < 0 else rest[key_size:key_size + size]
            got.append((None if int(key_length) < 0 else rest[:key_size], value, rest[key_size + max(size, 0):]))
        for sent, received in itertools.zip_longest(expected, got):
            assert sent == received, f"{codec}: sent {sent}, received {received}"


def idempotent():
    create(PREFIX)
    values = b"".join(b"%d\n" % i for i in range(3000))
    kcat("-P", "-t", PREFIX, "-p", "0", "-X", "enable.idempotence=true", "-X", "batch.num.messages=50", stdin=values)
    assert kcat("-C", "-t", PREFIX, "-p", "0", "-o", "beginning", "-e", "-q") == values, "lost, doubled or out of order"


class Member:
    """A kcat in a group: it writes what it reads to stdout and its rebalances to stderr; -E lets it outlive a lost connection."""

    def __init__(self, group, topics, *options):
        self.owned, self.seen, self.errors = [], [], []
        self.process = subprocess.Popen(["kcat", "-b", BOOTSTRAP, "-E", "-G", group, *options, *topics], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for read in (self.read_values, self.read_rebalances):
            threading.Thread(target=read, daemon=True).start()

    def read_values(self):
        for line in self.process.stdout:
            self.seen.append(line.rstrip("\n"))

    def read_rebalances(self):
        for line in self.process.stderr:
            self.errors.append(line)
            if ": assigned: " in line:
                self.owned = re.findall(r"\S+ \[\d+\]", line.split(": assigned: ")[1])
            elif ": revoked: " in line:
                self.owned = []

    def leave(self):
        self.process.terminate()
        self.process.wait(40)
        self.owned = []


def produce(topic, values):
    kcat("-P", "-t", topic, "-p", "0", "-X", "enable.idempotence=true", stdin="".join(f"{value}\n" for value in values).encode())


def group():
    topics = [f"{PREFIX}-{i}" for i in range(4)]
    everything = sorted(f"{topic} [{p}]" for topic in topics for p in range(create(topic)))
    options = ["-X", "partition.assignment.strategy=roundrobin", "-X", "auto.offset.reset=earliest", "-u"]
    sent = []

    def send():
        sent.extend(f"{i}" for i in range(len(sent), len(sent) + 200))
        for i, topic in enumerate(topics):
            produce(topic, sent[-200:][i::4])

    def wait_for_balance(members, what):
        wait_for(lambda: sorted(o for m in members for o in m.owned) == everything and all(m.owned for m in members),
                 lambda: f"{what}: every partition owned once, {[m.owned for m in members]}")

    def wait_for_records(members):
        def missing():
            return set(sent) - {value for member in members for value in member.seen}

        wait_for(lambda: not missing(), lambda: f"every record read by a member, missing {sorted(missing())[:20]}")

    first, second = Member(PREFIX, topics, *options), Member(PREFIX, topics, *options)
    send()
    wait_for_balance([first, second], "two members")
    send()
    third = Member(PREFIX, topics, *options)
    wait_for_balance([first, second, third], "a third joins")
    send()
    # A kcat that is asked to end commits the record at hand without writing it, so there must be none.
    wait_for_records([first, second, third])
    second.leave()
    send()
    wait_for_balance([first, third], "one leaves")
    wait_for_records([first, second, third])
    first.leave()
    third.leave()


def restart():
    create(PREFIX)
    values = [str(i) for i in range(100)]
    produce(PREFIX, values[:60])
    staying = Member(f"{PREFIX}-staying", [PREFIX], "-X", "auto.offset.reset=earliest", "-u")
    wait_for(lambda: staying.seen == values[:60], lambda: f"60 records, got {staying.seen}")
    # Leaving the group commits the offset after the last message it wrote.
    got = kcat("-G", f"{PREFIX}-leaving", "-X", "auto.offset.reset=earliest", "-q", "-c", "25", PREFIX).decode().split()
    assert got == values[:25], got
    await_restart()
    produce(PREFIX, values[60:])
    wait_for(lambda: staying.seen == values, lambda: f"the consumer that stayed: 0..99 once, got {staying.seen}; {staying.errors[-3:]}")
    staying.leave()
    got = kcat("-G", f"{PREFIX}-leaving", "-q", "-c", "75", PREFIX).decode().split()
    assert got == values[25:], f"the new consumer expected 25..99, got {got}"


def admin():
    partitions = create(PREFIX)
    cluster = json.loads(kcat("-L", "-J"))
    assert len(cluster["brokers"]) == 1 and cluster["controllerid"] == cluster["brokers"][0]["id"]
    assert len(next(t for t in cluster["topics"] if t["topic"] == PREFIX)["partitions"]) == partitions
    kcat("-P", "-t", PREFIX, "-p", "0", stdin=b"a\nb\nc\n")
    for time_or_end, offset in ((-2, 0), (-1, 3), (1, 0)):
        answer = kcat("-Q", "-t", f"{PREFIX}:0:{time_or_end}").decode().strip()
        assert answer == f"{PREFIX} [0] offset {offset}", answer


def transactional():
    create(PREFIX)
    try:
        kcat("-P", "-t", PREFIX, "-p", "0", "-X", f"transactional.id={PREFIX}", stdin=b"x\n")
    except RuntimeError as refusal:
        return f"refused: {refusal}"
    assert kcat("-C", "-t", PREFIX, "-p", "0", "-o", "beginning", "-c", "1", "-q") == b"x\n"
    return "transactions work"


def refusal(*arguments, **options):
    try:
        kcat(*arguments, **options)
    except RuntimeError as failure:
        return str(failure)
    raise AssertionError("kcat reported no error")


def unknown_topic():
    complaint = refusal("-P", "-t", PREFIX, "-X", "topic.metadata.propagation.max.ms=3000", stdin=b"x\n")
    assert "Unknown topic" in complaint, complaint


def too_large():
    create(PREFIX)
    with tempfile.NamedTemporaryFile() as file:
        pathlib.Path(file.name).write_bytes(bytes(2_000_000))
        complaint = refusal("-P", "-t", PREFIX, "-p", "0", "-X", "message.max.bytes=10000000", file.name)
    assert "Message size too large" in complaint, complaint
    kcat("-P", "-t", PREFIX, "-p", "0", stdin=b"small\n")


def version():
    said = subprocess.run(["kcat", "-V"], capture_output=True, text=True).stdout
    return " (librdkafka ".join(re.search(r"Version (\S+) .*librdkafka (\S+)", said).groups()) + ")"


run(version(), {"codecs": codecs, "idempotent": idempotent, "group": group, "restart": restart, "admin": admin,
                "transactional": transactional, "unknown-topic": unknown_topic, "too-large": too_large})
