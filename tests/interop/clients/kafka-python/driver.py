"""kafka-python: driver.py BOOTSTRAP SCENARIO PREFIX RECORDS"""

import itertools
import json
import time

import kafka
from kafka import ConsumerRebalanceListener, JsonSerializer, KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, OffsetSpec, TopicPartition
from kafka.admin import ConfigResource, MemberToRemove
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError, MessageSizeTooLargeError

import scenarios
from scenarios import BOOTSTRAP, PARTITIONS, PREFIX, Member, await_restart, expected_records, run, wait_for

BASE = {"bootstrap_servers": BOOTSTRAP, "client_id": "a-client"}
ADMIN = KafkaAdminClient(**BASE)


def create_topic(name, partitions=1, configs=None):
    ADMIN.create_topics({name: {"num_partitions": partitions, "replication_factor": 1, "configs": configs or {}}})
    wanted = {TopicPartition(name, p): OffsetSpec.EARLIEST for p in range(partitions)}

    def ready():
        try:
            return all(found.offset == 0 for found in ADMIN.list_partition_offsets(wanted).values())
        except KafkaError:
            return False

    wait_for(ready, f"all partitions of {name} answer")


def produce(producer, topic, values, partitions=1):
    """Produces and waits for the acknowledgement of every value."""
    deliveries = [producer.send(topic, value, partition=i % partitions) for i, value in enumerate(values)]
    for delivery in deliveries:
        delivery.get(40)


def consumer(group, **config):
    return KafkaConsumer(**BASE | {"group_id": group, "auto_offset_reset": "earliest", "enable_auto_commit": False} | config)


def read(reader, count):
    """Reads exactly `count` records."""
    records = []
    deadline = time.monotonic() + 40
    while len(records) < count:
        for part in reader.poll(500, max_records=count - len(records)).values():
            records += part
        if time.monotonic() > deadline:
            raise TimeoutError(f"read {len(records)} of {count} records")
    return records


def read_from_start(topic, partitions, count):
    reader = consumer(None)
    reader.assign([TopicPartition(topic, p) for p in range(partitions)])
    reader.seek_to_beginning()
    records = read(reader, count)
    extra = reader.poll(300)
    reader.close()
    assert not extra, "more records than were produced"
    return records


def quickstart():
    """As in its documentation: topics by the first record, JSON values, the consumer as an iterator, look-ups by time."""
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, value_serializer=JsonSerializer(), compression_type="gzip")
    before = int(time.time() * 1000)
    metadata = producer.send(PREFIX, {"number": 0}).get(timeout=40)
    assert (metadata.topic, metadata.partition, metadata.offset) == (PREFIX, 0, 0), metadata
    for i in range(1, 100):
        producer.send(PREFIX, key=b"key", value={"number": i}, headers=[("content-encoding", b"json")])
    producer.flush(40)
    reader = KafkaConsumer(PREFIX, group_id=PREFIX, bootstrap_servers=BOOTSTRAP, auto_offset_reset="earliest",
                           value_deserializer=lambda value: json.loads(value.decode()), consumer_timeout_ms=30_000)
    numbers = [record.value["number"] for record in itertools.islice(reader, 100)]
    assert numbers == list(range(100)), numbers
    partition = TopicPartition(PREFIX, 0)
    assert reader.assignment() == {partition} and reader.position(partition) == 100
    assert reader.beginning_offsets([partition]) == {partition: 0} and reader.end_offsets([partition]) == {partition: 100}
    found = reader.offsets_for_times({partition: before})[partition]
    assert found.offset == 0 and found.timestamp >= before, found
    assert reader.offsets_for_times({partition: before + 3_600_000})[partition] is None
    reader.seek(partition, 42)
    assert next(reader).offset == 42
    reader.commit({partition: OffsetAndMetadata(43, "a note")})
    assert reader.committed(partition, metadata=True).metadata == "a note"
    assert PREFIX in reader.topics() and reader.partitions_for_topic(PREFIX) == {0}
    reader.close()
    producer.close(40)


def sendable_records():
    """kafka-python sends neither headers without a value nor records with neither key nor value."""
    for key, value, headers in expected_records():
        if key is not None or value is not None:
            yield key, value, [header for header in headers if header[1] is not None]


def codecs():
    expected = list(sendable_records())
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = f"{PREFIX}-{codec}"
        create_topic(topic)
        producer = KafkaProducer(**BASE, compression_type=codec, linger_ms=50)
        deliveries = [producer.send(topic, value=value, key=key, headers=headers) for key, value, headers in expected]
        for delivery in deliveries:
            delivery.get(30)
        producer.close(30)
        got = [(r.key, r.value, [tuple(header) for header in r.headers]) for r in read_from_start(topic, 1, len(expected))]
        assert got == expected, f"{codec}: sent {expected}, received {got}"


def idempotent():
    create_topic(PREFIX, 3)
    values = [b"%d" % i for i in range(3000)]
    produce(KafkaProducer(**BASE, enable_idempotence=True, linger_ms=1, batch_size=1000), PREFIX, values, partitions=3)
    got = read_from_start(PREFIX, 3, len(values))
    for p in range(3):
        assert [r.value for r in got if r.partition == p] == values[p::3], f"partition {p}: lost, doubled or out of order"


class Listener(ConsumerRebalanceListener):
    """Tells a member what it gained and lost."""

    def __init__(self, member):
        self.member = member

    def on_partitions_assigned(self, assigned):
        self.member.gained(assigned)

    def on_partitions_revoked(self, revoked):
        self.member.lost(revoked)


def join(**config):
    reader = consumer(PREFIX, **{"enable_auto_commit": True, "auto_commit_interval_ms": 500, "heartbeat_interval_ms": 500} | config)

    def poll():
        # A poll that ends while a join is under way may forget the join's answer, so it is not too short.
        return [record.value for part in reader.poll(1000).values() for record in part]

    member = Member(poll, reader.close)
    reader.subscribe([PREFIX], listener=Listener(member))
    member.start()
    return member


def group(assignor=RangePartitionAssignor):
    create_topic(PREFIX, PARTITIONS)
    producer = KafkaProducer(**BASE)
    send = lambda value, partition: producer.send(PREFIX, value, partition=partition)
    scenarios.group(lambda: join(partition_assignment_strategy=[assignor]), send, lambda: producer.close(30), assignor is CooperativeStickyAssignor)


def group_static():
    create_topic(PREFIX, PARTITIONS)
    scenarios.group_static(lambda name: join(group_instance_id=name), lambda values: produce(KafkaProducer(**BASE), PREFIX, values, PARTITIONS))
    ADMIN.remove_group_members(PREFIX, [MemberToRemove(group_instance_id=name) for name in ("one", "two")])
    wait_for(lambda: ADMIN.describe_groups([PREFIX])[PREFIX]["group_state"] == "Empty", "removed static members are gone")


def restart():
    create_topic(PREFIX)
    values = [b"%d" % i for i in range(100)]
    producer = KafkaProducer(**BASE)
    produce(producer, PREFIX, values[:60])
    staying = consumer(f"{PREFIX}-staying")
    staying.subscribe([PREFIX])
    read(staying, 60)
    staying.commit()
    leaving = consumer(f"{PREFIX}-leaving")
    leaving.subscribe([PREFIX])
    read(leaving, 25)
    leaving.commit()
    leaving.close()
    await_restart()
    produce(producer, PREFIX, values[60:])
    got = [r.value for r in read(staying, 40)]
    assert got == values[60:], f"the consumer that stayed expected 60..99, got {got}"
    resumed = consumer(f"{PREFIX}-leaving")
    resumed.subscribe([PREFIX])
    got = [r.value for r in read(resumed, 75)]
    assert got == values[25:], f"the new consumer expected 25..99, got {got}"
    staying.close()
    resumed.close()


def described_configs(wanted="all"):
    return ADMIN.describe_configs([ConfigResource("topic", PREFIX)], config_filter=wanted)["topic"][PREFIX]


def administer():
    create_topic(PREFIX, 2, {"retention.ms": "123456", "cleanup.policy": "delete"})
    assert described_configs("modified").keys() == {"retention.ms", "cleanup.policy"}
    assert described_configs()["retention.ms"]["value"] == "123456"
    changes = {"retention.ms": ("delete", None), "cleanup.policy": ("append", "compact"), "max.message.bytes": "2000000"}
    ADMIN.alter_configs([ConfigResource("topic", PREFIX, changes)])
    wait_for(lambda: described_configs()["max.message.bytes"]["value"] == "2000000", "altered config seen")
    assert described_configs()["cleanup.policy"]["value"] == "delete,compact"
    assert described_configs("modified").keys() == {"max.message.bytes", "cleanup.policy"}
    ADMIN.reset_configs([ConfigResource("topic", PREFIX, {})])
    wait_for(lambda: not described_configs("modified"), "no value of the topic's own")

    ADMIN.create_partitions({PREFIX: 4})
    wait_for(lambda: len(ADMIN.describe_topics([PREFIX])[0]["partitions"]) == 4, "four partitions")
    cluster = ADMIN.describe_cluster()
    assert cluster["cluster_id"] and cluster["controller_id"] >= 0 and len(cluster["brokers"]) == 1, cluster
    partition = offsets()
    groups(partition)
    ADMIN.delete_topics([PREFIX])
    wait_for(lambda: PREFIX not in ADMIN.list_topics(), "the topic is gone")


def offsets():
    producer = KafkaProducer(**BASE)
    for timestamp in (1_000_000, 2_000_000, 3_000_000):
        producer.send(PREFIX, b"x", key=b"k", partition=3, timestamp_ms=timestamp).get(30)
    partition = TopicPartition(PREFIX, 3)
    for spec, offset in ((OffsetSpec.EARLIEST, 0), (OffsetSpec.LATEST, 3), (1_500_000, 1), (OffsetSpec.MAX_TIMESTAMP, 2)):
        found = ADMIN.list_partition_offsets({partition: spec})[partition].offset
        assert found == offset, f"offset {offset} for {spec}, got {found}"
    return partition


def groups(partition):
    member = join()
    wait_for(lambda: len(member.seen) == 3, "three records read")
    wait_for(lambda: PREFIX in [g["group_id"] for g in ADMIN.list_groups(states_filter=["stable"])], "the group is listed")
    described = ADMIN.describe_groups([PREFIX])[PREFIX]
    assert described["group_state"] == "Stable" and described["members"][0]["client_id"] == "a-client", described
    member.leave()
    wait_for(lambda: ADMIN.describe_groups([PREFIX])[PREFIX]["group_state"] == "Empty", "the group is empty")

    def committed():
        return ADMIN.list_group_offsets(PREFIX)[PREFIX].get(partition)

    assert committed().offset == 3, committed()
    ADMIN.alter_group_offsets(PREFIX, {partition: OffsetAndMetadata(1)})
    assert committed().offset == 1, committed()
    ADMIN.delete_group_offsets(PREFIX, [partition])
    assert committed() is None, committed()
    assert ADMIN.delete_groups([PREFIX]) == {PREFIX: "OK"}
    wait_for(lambda: PREFIX not in [g["group_id"] for g in ADMIN.list_groups()], "the group is gone")


def transactional():
    """Either transactions work, or the client stops with a clear error that it need not repeat."""
    create_topic(PREFIX)
    producer = KafkaProducer(**BASE, transactional_id=PREFIX, max_block_ms=30_000)
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(PREFIX, b"x").get(25)
        producer.commit_transaction()
    except KafkaError as failure:
        assert not failure.retriable, f"the client would try for ever: {failure!r}"
        return f"refused: {failure!r}"
    assert len(read_from_start(PREFIX, 1, 1)) == 1
    return "transactions work"


def refused(producer, value):
    try:
        producer.send(PREFIX, value).get(40)
    except KafkaError as failure:
        return failure
    return None


def unknown_topic():
    error = refused(KafkaProducer(**BASE, max_block_ms=3000), b"x")
    assert PREFIX not in ADMIN.list_topics()
    return repr(error)


def too_large():
    create_topic(PREFIX)
    # Its idempotent producer, the default, takes this refusal as fatal and sends nothing more.
    producer = KafkaProducer(**BASE, max_request_size=10_000_000, enable_idempotence=False)
    error = refused(producer, bytes(2_000_000))
    assert isinstance(error, MessageSizeTooLargeError), repr(error)
    assert refused(producer, b"small") is None, "the next record must go through"


run(kafka.__version__, {
    "quickstart": quickstart, "codecs": codecs, "idempotent": idempotent, "group": group, "group-cooperative": lambda: group(CooperativeStickyAssignor),
    "group-static": group_static, "restart": restart, "admin": administer, "transactional": transactional, "unknown-topic": unknown_topic, "too-large": too_large,
})
