"""confluent-kafka (librdkafka): driver.py BOOTSTRAP SCENARIO PREFIX RECORDS"""

import time

import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec

import scenarios
from scenarios import BOOTSTRAP, PARTITIONS, PREFIX, Member, await_restart, expected_records, run, wait_for

BASE = {"bootstrap.servers": BOOTSTRAP, "log_level": 0}
ADMIN = AdminClient(BASE)


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


def join(**config):
    cooperative = config.get("partition.assignment.strategy") == "cooperative-sticky"
    reader = consumer(PREFIX, **{"enable.auto.commit": True, "auto.commit.interval.ms": 500} | config)

    def poll():
        message = reader.poll(0.1)
        return [message.value()] if message is not None and not message.error() else []

    def assigned(_, partitions):
        # The whole assignment, where the protocol is not cooperative.
        member.owned = member.owned if cooperative else set()
        member.gained(partitions)

    def revoked(_, partitions):
        member.lost(partitions)

    member = Member(poll, reader.close)
    reader.subscribe([PREFIX], on_assign=assigned, on_revoke=revoked, on_lost=revoked)
    member.start()
    return member


def group(strategy="range"):
    create_topic(PREFIX, PARTITIONS)
    producer = Producer(BASE | {"enable.idempotence": True})

    def send(value, partition):
        producer.produce(PREFIX, value, partition=partition)
        producer.poll(0)

    def flush():
        assert producer.flush(30) == 0

    scenarios.group(lambda: join(**{"partition.assignment.strategy": strategy}), send, flush, strategy == "cooperative-sticky")


def group_static():
    create_topic(PREFIX, PARTITIONS)
    scenarios.group_static(lambda name: join(**{"group.instance.id": name}), lambda values: produce(Producer(BASE), PREFIX, values, PARTITIONS))


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
    await_restart()
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

    member = join(**{"client.id": "a-client"})
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


run(f"{confluent_kafka.__version__} (librdkafka {confluent_kafka.libversion()[0]})", {
    "codecs": codecs, "idempotent": idempotent, "group": group, "group-cooperative": lambda: group("cooperative-sticky"),
    "group-static": group_static, "restart": restart, "admin": administer, "transactional": transactional,
    "unknown-topic": unknown_topic, "too-large": too_large,
})
