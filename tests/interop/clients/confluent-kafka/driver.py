"""confluent-kafka (librdkafka): driver.py BOOTSTRAP SCENARIO PREFIX RECORDS"""

import itertools
import json
import sys
import threading
import time

import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec

BOOTSTRAP, SCENARIO, PREFIX, RECORDS = sys.argv[1:]
BASE = {"bootstrap.servers": BOOTSTRAP, "log_level": 0}
ADMIN = AdminClient(BASE)
PARTITIONS = 6


def wait_for(condition, what, seconds=40):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def create_topic(name, partitions=1, config=None):
    for future in ADMIN.create_topics([NewTopic(name, partitions, 1, config=config or {})]).values():
        future.result(30)
    wanted = {TopicPartition(name, p): OffsetSpec.earliest() for p in range(partitions)}

    def ready():
        try:
            return all(future.result(30).offset == 0 for future in ADMIN.list_offsets(wanted).values())
        except KafkaException:
            return False

    wait_for(ready, f"all partitions of {name} answer")


def produce(producer, topic, values, partitions=1):
    """Produces and waits for the acknowledgement of every value."""
    errors = []
    for i, value in enumerate(values):
        producer.produce(topic, value, partition=i % partitions, on_delivery=lambda error, _: error and errors.append(error))
    if producer.flush(40) or errors:
        raise RuntimeError(f"not acknowledged: {errors[:1] or 'timed out'}")


def consumer(group, **config):
    return Consumer(BASE | {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False} | config)


def read(reader, count):
    """Reads exactly `count` messages."""
    messages = []
    deadline = time.monotonic() + 40
    while len(messages) < count:
        message = reader.poll(0.5)
        if message is not None and not message.error():
            messages.append(message)
        elif time.monotonic() > deadline:
            raise TimeoutError(f"read {len(messages)} of {count} records")
    return messages


def read_from_start(topic, partitions, count):
    reader = consumer(PREFIX)
    reader.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    messages = read(reader, count)
    extra = reader.poll(0.3)
    reader.close()
    if extra is not None and not extra.error():
        raise AssertionError("more records than were produced")
    return messages


def expected_records():
    def unhex(text):
        return None if text == "-" else bytes.fromhex(text)

    for line in open(RECORDS):
        if not line.startswith("#"):
            key, value, headers = line.rstrip("\n").split("\t")
            pairs = [header.split("=") for header in headers.split(",") if header]
            yield unhex(key), unhex(value), [(bytes.fromhex(name).decode(), unhex(content)) for name, content in pairs]


def codecs():
    expected = list(expected_records())
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = f"{PREFIX}-{codec}"
        create_topic(topic)
        producer = Producer(BASE | {"compression.type": codec, "linger.ms": 50})
        for key, value, headers in expected:
            producer.produce(topic, value=value, key=key, headers=headers)
        assert producer.flush(30) == 0, f"{codec}: not acknowledged"
        got = [(m.key(), m.value(), m.headers() or []) for m in read_from_start(topic, 1, len(expected))]
        assert got == expected, f"{codec}: sent {expected}, received {got}"


def idempotent():
    create_topic(PREFIX, 3)
    values = [b"%d" % i for i in range(3000)]
    produce(Producer(BASE | {"enable.idempotence": True, "linger.ms": 1, "batch.num.messages": 50}), PREFIX, values, partitions=3)
    got = read_from_start(PREFIX, 3, len(values))
    for p in range(3):
        assert [m.value() for m in got if m.partition() == p] == values[p::3], f"partition {p}: lost, doubled or out of order"


class Member(threading.Thread):
    """A group member that polls on its own thread and keeps account of what it owns and has read."""

    def __init__(self, group, **config):
        super().__init__(daemon=True)
        self.cooperative = config.get("partition.assignment.strategy") == "cooperative-sticky"
        self.consumer = consumer(group, **{"enable.auto.commit": True, "auto.commit.interval.ms": 500} | config)
        self.consumer.subscribe([PREFIX], on_assign=self.assigned, on_revoke=self.revoke, on_lost=self.revoke)
        self.owned, self.revoked, self.seen, self.callbacks = set(), set(), [], 0
        self.leaving = threading.Event()
        self.start()

    def assigned(self, _, partitions):
        self.callbacks += 1
        self.owned = (self.owned if self.cooperative else set()) | {p.partition for p in partitions}

    def revoke(self, _, partitions):
        self.callbacks += 1
        self.owned = self.owned - {p.partition for p in partitions}
        self.revoked |= {p.partition for p in partitions}

    def run(self):
        while not self.leaving.is_set():
            message = self.consumer.poll(0.1)
            if message is not None and not message.error():
                self.seen.append(message.value())
        self.consumer.close()

    def leave(self):
        self.leaving.set()
        self.join(40)
        self.owned = set()


class Stream(threading.Thread):
    """Produces numbered records to all partitions until it is stopped."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self.sent = []
        self.start()

    def run(self):
        producer = Producer(BASE | {"enable.idempotence": True})
        for i in itertools.count():
            if self.stopping.wait(0.005):
                break
            self.sent.append(b"%d" % i)
            producer.produce(PREFIX, self.sent[-1], partition=i % PARTITIONS)
            producer.poll(0)
        assert producer.flush(30) == 0

    def stop(self):
        self.stopping.set()
        self.join(40)
        return set(self.sent)


def wait_for_balance(members, what):
    def balanced():
        owned = [p for m in members for p in m.owned]
        return sorted(owned) == list(range(PARTITIONS)) and all(m.owned for m in members)

    wait_for(balanced, f"{what}: every partition owned once, {[sorted(m.owned) for m in members]}")


def group(strategy="range"):
    create_topic(PREFIX, PARTITIONS)
    stream = Stream()
    config = {"partition.assignment.strategy": strategy}
    first, second = Member(PREFIX, **config), Member(PREFIX, **config)
    wait_for_balance([first, second], "two members")
    first.revoked, second.revoked = set(), set()
    third = Member(PREFIX, **config)
    wait_for_balance([first, second, third], "a third joins")
    if strategy == "cooperative-sticky":
        for member in (first, second):
            assert not member.revoked & member.owned, "a partition that stays must not be revoked on the way"
    second.leave()
    wait_for_balance([first, third], "one leaves")
    sent = stream.stop()
    wait_for(lambda: sent <= {v for m in (first, second, third) for v in m.seen}, "every record read by a member")
    first.leave()
    third.leave()


def group_static():
    create_topic(PREFIX, PARTITIONS)
    first = Member(PREFIX, **{"group.instance.id": "one"})
    second = Member(PREFIX, **{"group.instance.id": "two"})
    wait_for_balance([first, second], "two static members")
    before, callbacks = set(second.owned), first.callbacks
    second.leave()
    second = Member(PREFIX, **{"group.instance.id": "two"})
    wait_for(lambda: second.owned == before, "the returning static member owns what it owned")
    produce(Producer(BASE), PREFIX, [b"%d" % i for i in range(60)], PARTITIONS)
    wait_for(lambda: len(first.seen) + len(second.seen) == 60, "records read by both")
    assert first.callbacks == callbacks, "the return of a static member must not rebalance the group"
    first.leave()
    second.leave()


def restart():
    create_topic(PREFIX)
    values = [b"%d" % i for i in range(100)]
    producer = Producer(BASE | {"enable.idempotence": True})
    produce(producer, PREFIX, values[:60])
    staying = consumer(f"{PREFIX}-staying")
    staying.subscribe([PREFIX])
    read(staying, 60)
    staying.commit(asynchronous=False)
    leaving = consumer(f"{PREFIX}-leaving")
    leaving.subscribe([PREFIX])
    leaving.commit(read(leaving, 25)[-1], asynchronous=False)
    leaving.close()
    print(json.dumps({"restart": True}), flush=True)
    sys.stdin.readline()
    produce(producer, PREFIX, values[60:])
    got = [m.value() for m in read(staying, 40)]
    assert got == values[60:], f"the consumer that stayed expected 60..99, got {got}"
    resumed = consumer(f"{PREFIX}-leaving")
    resumed.subscribe([PREFIX])
    got = [m.value() for m in read(resumed, 75)]
    assert got == values[25:], f"the new consumer expected 25..99, got {got}"
    staying.close()
    resumed.close()


def administer():
    client = ADMIN
    create_topic(PREFIX, 2, {"retention.ms": "123456", "cleanup.policy": "delete"})
    resource = ConfigResource(ConfigResource.Type.TOPIC, PREFIX)

    def configs():
        return client.describe_configs([resource])[resource].result(30)

    assert configs()["retention.ms"].value == "123456"
    assert configs()["retention.ms"].source == 1, "a topic's own value has the source DYNAMIC_TOPIC_CONFIG"
    assert configs()["max.message.bytes"].is_default
    change = ConfigResource(ConfigResource.Type.TOPIC, PREFIX, incremental_configs=[
        ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE),
        ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND),
        ConfigEntry("max.message.bytes", "2000000", incremental_operation=AlterConfigOpType.SET),
    ])
    client.incremental_alter_configs([change])[change].result(30)
    wait_for(lambda: configs()["max.message.bytes"].value == "2000000", "altered config seen")
    assert configs()["retention.ms"].is_default and configs()["cleanup.policy"].value == "delete,compact"

    client.create_partitions([NewPartitions(PREFIX, 4)])[PREFIX].result(30)
    wait_for(lambda: len(client.list_topics(PREFIX, timeout=30).topics[PREFIX].partitions) == 4, "four partitions")

    cluster = client.describe_cluster().result(30)
    assert cluster.cluster_id and cluster.controller and len(cluster.nodes) == 1

    producer = Producer(BASE)
    for timestamp in (1_000_000, 2_000_000, 3_000_000):
        producer.produce(PREFIX, b"x", key=b"k", partition=3, timestamp=timestamp)
    assert producer.flush(30) == 0
    partition = TopicPartition(PREFIX, 3)
    for spec, offset in ((OffsetSpec.earliest(), 0), (OffsetSpec.latest(), 3), (OffsetSpec.for_timestamp(1_500_000), 1), (OffsetSpec.max_timestamp(), 2)):
        assert client.list_offsets({partition: spec})[partition].result(30).offset == offset, f"offset {offset} for {spec}"

    member = Member(PREFIX, **{"client.id": "a-client"})
    wait_for(lambda: len(member.seen) == 3, "three records read")
    wait_for(lambda: PREFIX in [g.group_id for g in client.list_consumer_groups().result(30).valid], "the group is listed")
    described = client.describe_consumer_groups([PREFIX])[PREFIX].result(30)
    assert described.state.name == "STABLE" and described.members[0].client_id == "a-client"
    assert {p.partition for p in described.members[0].assignment.topic_partitions} == {0, 1, 2, 3}
    member.leave()
    wait_for(lambda: client.describe_consumer_groups([PREFIX])[PREFIX].result(30).state.name == "EMPTY", "the group is empty")
    committed = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(PREFIX, [partition])])[PREFIX].result(30)
    assert committed.topic_partitions[0].offset == 3
    moved = ConsumerGroupTopicPartitions(PREFIX, [TopicPartition(PREFIX, 3, 1)])
    client.alter_consumer_group_offsets([moved])[PREFIX].result(30)
    committed = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(PREFIX, [partition])])[PREFIX].result(30)
    assert committed.topic_partitions[0].offset == 1
    client.delete_consumer_groups([PREFIX])[PREFIX].result(30)
    wait_for(lambda: PREFIX not in [g.group_id for g in client.list_consumer_groups().result(30).valid], "the group is gone")

    client.delete_topics([PREFIX])[PREFIX].result(30)
    wait_for(lambda: PREFIX not in client.list_topics(timeout=30).topics, "the topic is gone")


def transactional():
    """Either transactions work, or the client stops with a clear error that it need not repeat."""
    create_topic(PREFIX)
    producer = Producer(BASE | {"transactional.id": PREFIX})
    try:
        producer.init_transactions(25)
        producer.begin_transaction()
        producer.produce(PREFIX, b"x")
        producer.commit_transaction(25)
    except KafkaException as failure:
        assert not failure.args[0].retriable(), f"the client would try for ever: {failure}"
        return f"refused: {failure.args[0]}"
    read_from_start(PREFIX, 1, 1)
    return "transactions work"


def delivery_error(producer, topic, value):
    errors = []
    producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(40) == 0, "neither acknowledged nor refused"
    return errors[0] and errors[0].name()


def unknown_topic():
    producer = Producer(BASE | {"message.timeout.ms": 30000, "topic.metadata.propagation.max.ms": 3000})
    error = delivery_error(producer, PREFIX, b"x")
    assert error in ("_UNKNOWN_TOPIC", "UNKNOWN_TOPIC_OR_PART"), error
    assert PREFIX not in ADMIN.list_topics(timeout=30).topics


def too_large():
    create_topic(PREFIX)
    producer = Producer(BASE | {"message.max.bytes": 10_000_000})
    error = delivery_error(producer, PREFIX, bytes(2_000_000))
    assert error == "MSG_SIZE_TOO_LARGE", error
    assert delivery_error(producer, PREFIX, b"small") is None, "the next record must go through"


SCENARIOS = {
    "codecs": codecs, "idempotent": idempotent, "group": group, "group-cooperative": lambda: group("cooperative-sticky"),
    "group-static": group_static, "restart": restart, "admin": administer, "transactional": transactional,
    "unknown-topic": unknown_topic, "too-large": too_large,
}
answer = {"version": f"{confluent_kafka.__version__} (librdkafka {confluent_kafka.libversion()[0]})"}
try:
    answer |= {"ok": True, "note": SCENARIOS[SCENARIO]() or ""}
except Exception as failure:
    answer |= {"ok": False, "error": f"{type(failure).__name__}: {failure}"}
print(json.dumps(answer), flush=True)
sys.exit(0 if answer["ok"] else 1)
