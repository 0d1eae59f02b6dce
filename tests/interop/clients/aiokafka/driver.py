"""aiokafka: driver.py BOOTSTRAP SCENARIO PREFIX RECORDS"""

import asyncio
import itertools
import json
import logging
import time

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from scenarios import BOOTSTRAP, PARTITIONS, PREFIX, Account, await_restart, balanced, expected_records, imbalance, run

BASE = {"bootstrap_servers": BOOTSTRAP, "client_id": "a-client"}
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


async def wait_for(condition, what, seconds=40):
    deadline = time.monotonic() + seconds
    while True:
        holds = condition()
        if await holds if asyncio.iscoroutine(holds) else holds:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what() if callable(what) else what}")
        await asyncio.sleep(0.02)


async def create_topic(admin, name, partitions=1, configs=None):
    answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
    assert all(code == 0 for _, code, _ in answer.topic_errors), answer
    reader = AIOKafkaConsumer(**BASE)
    await reader.start()

    async def ready():
        try:
            return set((await reader.beginning_offsets([TopicPartition(name, p) for p in range(partitions)])).values()) == {0}
        except KafkaError:
            return False

    await wait_for(ready, f"all partitions of {name} answer")
    await reader.stop()


async def produce(producer, topic, values, partitions=1):
    """Produces and waits for the acknowledgement of every value."""
    await asyncio.gather(*[await producer.send(topic, value, partition=i % partitions) for i, value in enumerate(values)])


async def read(reader, count):
    """Reads exactly `count` records."""
    return [await asyncio.wait_for(reader.getone(), 40) for _ in range(count)]


async def read_from_start(topic, partitions, count):
    async with AIOKafkaConsumer(**BASE, auto_offset_reset="earliest") as reader:
        reader.assign([TopicPartition(topic, p) for p in range(partitions)])
        records = await read(reader, count)
        assert not await reader.getmany(timeout_ms=300), "more records than were produced"
        return records


async def quickstart(_):
    """As in its documentation: a topic by its first record, `async for`, batches made by hand, look-ups by time."""
    before = int(time.time() * 1000)
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, value_serializer=lambda value: json.dumps(value).encode()) as producer:
        first = await producer.send_and_wait(PREFIX, {"number": 0}, key=b"key", headers=[("content-encoding", b"json")])
        assert (first.topic, first.partition, first.offset) == (PREFIX, 0, 0), first
        for i in range(1, 50):
            await producer.send(PREFIX, {"number": i})
        await producer.flush()
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP) as producer:
        batch = producer.create_batch()
        for i in range(50, 100):
            batch.append(key=None, value=b'{"number": %d}' % i, timestamp=None)
        await (await producer.send_batch(batch, PREFIX, partition=0))
    partition = TopicPartition(PREFIX, 0)
    async with AIOKafkaConsumer(PREFIX, bootstrap_servers=BOOTSTRAP, group_id=PREFIX, auto_offset_reset="earliest", value_deserializer=json.loads) as reader:
        numbers = []
        async for record in reader:
            numbers.append(record.value["number"])
            if len(numbers) == 100:
                break
        assert numbers == list(range(100)), numbers
        assert reader.assignment() == {partition} and await reader.position(partition) == 100
        assert await reader.beginning_offsets([partition]) == {partition: 0} and await reader.end_offsets([partition]) == {partition: 100}
        found = (await reader.offsets_for_times({partition: before}))[partition]
        assert found.offset == 0 and found.timestamp >= before, found
        assert (await reader.offsets_for_times({partition: before + 3_600_000}))[partition] is None
        reader.seek(partition, 42)
        assert (await reader.getone()).offset == 42
        await reader.commit({partition: (43, "a note")})
        assert await reader.committed(partition) == 43
        assert PREFIX in await reader.topics() and reader.highwater(partition) == 100


def sendable_records():
    """aiokafka does not send records with neither key nor value."""
    return [record for record in expected_records() if record[:2] != (None, None)]


async def codecs(admin):
    expected = sendable_records()
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = f"{PREFIX}-{codec}"
        await create_topic(admin, topic)
        async with AIOKafkaProducer(**BASE, compression_type=codec, linger_ms=50) as producer:
            await asyncio.gather(*[await producer.send(topic, value=value, key=key, headers=headers) for key, value, headers in expected])
        got = [(r.key, r.value, list(r.headers)) for r in await read_from_start(topic, 1, len(expected))]
        assert got == expected, f"{codec}: sent {expected}, received {got}"


async def idempotent(admin):
    await create_topic(admin, PREFIX, 3)
    values = [b"%d" % i for i in range(3000)]
    async with AIOKafkaProducer(**BASE, enable_idempotence=True, max_batch_size=1000) as producer:
        await produce(producer, PREFIX, values, partitions=3)
    got = await read_from_start(PREFIX, 3, len(values))
    for p in range(3):
        assert [r.value for r in got if r.partition == p] == values[p::3], f"partition {p}: lost, doubled or out of order"


class Member(Account, ConsumerRebalanceListener):
    """A group member that reads in its own task."""

    def __init__(self, **config):
        super().__init__()
        self.consumer = AIOKafkaConsumer(**BASE, group_id=PREFIX, auto_offset_reset="earliest", auto_commit_interval_ms=500, heartbeat_interval_ms=500, **config)
        self.consumer.subscribe([PREFIX], listener=self)
        self.leaving = False
        self.reading = asyncio.create_task(self.run())

    async def on_partitions_assigned(self, assigned):
        self.gained(assigned)

    async def on_partitions_revoked(self, revoked):
        self.lost(revoked)

    async def run(self):
        await self.consumer.start()
        while not self.leaving:
            for part in (await self.consumer.getmany(timeout_ms=100)).values():
                self.seen += [record.value for record in part]
        await self.consumer.stop()

    async def leave(self):
        self.leaving = True
        await asyncio.wait_for(self.reading, 40)
        self.owned = set()


async def wait_for_balance(members, when):
    await wait_for(lambda: balanced(members), lambda: imbalance(members, when))


async def stream(sent, stopping):
    """Produces numbered records to all partitions until it is stopped."""
    async with AIOKafkaProducer(**BASE, enable_idempotence=True) as producer:
        for i in itertools.count():
            if stopping.is_set():
                break
            sent.append(b"%d" % i)
            await producer.send(PREFIX, sent[-1], partition=i % PARTITIONS)
            await asyncio.sleep(0.005)
        await producer.flush()


async def group(admin):
    await create_topic(admin, PREFIX, PARTITIONS)
    sent, stopping = [], asyncio.Event()
    streaming = asyncio.create_task(stream(sent, stopping))
    config = {"partition_assignment_strategy": [RangePartitionAssignor]}
    first, second = Member(**config), Member(**config)
    await wait_for_balance([first, second], "two members")
    third = Member(**config)
    await wait_for_balance([first, second, third], "a third joins")
    await second.leave()
    await wait_for_balance([first, third], "one leaves")
    stopping.set()
    await streaming
    await wait_for(lambda: set(sent) <= {v for m in (first, second, third) for v in m.seen}, "every record read by a member")
    await first.leave()
    await third.leave()


async def group_static(admin):
    await create_topic(admin, PREFIX, PARTITIONS)
    first, second = Member(group_instance_id="one"), Member(group_instance_id="two")
    await wait_for_balance([first, second], "two static members")
    before, callbacks = set(second.owned), first.callbacks
    await second.leave()
    second = Member(group_instance_id="two")
    await wait_for(lambda: second.owned == before, "the returning static member owns what it owned")
    async with AIOKafkaProducer(**BASE) as producer:
        await produce(producer, PREFIX, [b"%d" % i for i in range(60)], PARTITIONS)
    await wait_for(lambda: len(first.seen) + len(second.seen) == 60, "records read by both")
    assert first.callbacks == callbacks, "the return of a static member must not rebalance the group"
    await first.leave()
    await second.leave()


async def reader_of(group):
    reader = AIOKafkaConsumer(PREFIX, **BASE, group_id=f"{PREFIX}-{group}", auto_offset_reset="earliest", enable_auto_commit=False)
    await reader.start()
    return reader


async def restart(admin):
    await create_topic(admin, PREFIX)
    values = [b"%d" % i for i in range(100)]
    producer = AIOKafkaProducer(**BASE, enable_idempotence=True)
    await producer.start()
    await produce(producer, PREFIX, values[:60])
    staying, leaving = await reader_of("staying"), await reader_of("leaving")
    await read(staying, 60)
    await staying.commit()
    await read(leaving, 25)
    await leaving.commit()
    await leaving.stop()
    await asyncio.to_thread(await_restart)
    await produce(producer, PREFIX, values[60:])
    got = [r.value for r in await read(staying, 40)]
    assert got == values[60:], f"the consumer that stayed expected 60..99, got {got}"
    resumed = await reader_of("leaving")
    got = [r.value for r in await read(resumed, 75)]
    assert got == values[25:], f"the new consumer expected 25..99, got {got}"
    await asyncio.gather(staying.stop(), resumed.stop(), producer.stop())


async def administer(admin):
    await create_topic(admin, PREFIX, 2, {"retention.ms": "123456"})
    topic = ConfigResource(ConfigResourceType.TOPIC, PREFIX)

    async def configs():
        [answer] = await admin.describe_configs([topic])
        [(_, _, _, _, entries)] = answer.resources
        return {name: value for name, value, *_ in entries}

    assert (await configs())["retention.ms"] == "123456"
    # aiokafka knows only the older AlterConfigs, which replaces all of the topic's values.
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, PREFIX, {"max.message.bytes": "2000000"})])

    async def altered():
        return (await configs())["max.message.bytes"] == "2000000"

    await wait_for(altered, "altered config seen")
    assert (await configs())["retention.ms"] != "123456"
    await admin.create_partitions({PREFIX: NewPartitions(4)})

    async def four():
        return len((await admin.describe_topics([PREFIX]))[0]["partitions"]) == 4

    await wait_for(four, "four partitions")
    cluster = await admin.describe_cluster()
    assert cluster["cluster_id"] and cluster["controller_id"] >= 0 and len(cluster["brokers"]) == 1, cluster
    await offsets()
    await groups(admin)
    await admin.delete_topics([PREFIX])

    async def gone():
        return PREFIX not in await admin.list_topics()

    await wait_for(gone, "the topic is gone")


async def offsets():
    partition = TopicPartition(PREFIX, 3)
    # By itself it asks for acks=1, and Naru counts such records only when they are on disk.
    async with AIOKafkaProducer(**BASE, acks="all") as producer, AIOKafkaConsumer(**BASE) as reader:
        for timestamp in (1_000_000, 2_000_000, 3_000_000):
            await producer.send_and_wait(PREFIX, b"x", key=b"k", partition=3, timestamp_ms=timestamp)
        assert await reader.end_offsets([partition]) == {partition: 3}
        assert (await reader.offsets_for_times({partition: 1_500_000}))[partition].offset == 1


async def groups(admin):
    member = Member()
    await wait_for(lambda: len(member.seen) == 3, "three records read")

    async def listed():
        return (PREFIX, "consumer") in [group[:2] for group in await admin.list_consumer_groups()]

    async def described():
        [answer] = await admin.describe_consumer_groups([PREFIX])
        return answer.groups[0]

    await wait_for(listed, "the group is listed")
    _, _, state, _, _, members, *_ = await described()
    assert state == "Stable" and "a-client" in members[0], members
    await member.leave()

    async def empty():
        return (await described())[2] == "Empty"

    await wait_for(empty, "the group is empty")
    committed = await admin.list_consumer_group_offsets(PREFIX)
    assert committed[TopicPartition(PREFIX, 3)].offset == 3, committed


async def transactional(admin):
    """Either transactions work, or the client stops with a clear error that it need not repeat."""
    await create_topic(admin, PREFIX)
    producer = AIOKafkaProducer(**BASE, transactional_id=PREFIX)
    try:
        await asyncio.wait_for(producer.start(), 25)
        async with producer.transaction():
            await producer.send_and_wait(PREFIX, b"x")
    except KafkaError as failure:
        assert not failure.retriable, f"the client would try for ever: {failure!r}"
        return f"refused: {failure!r}"
    finally:
        await producer.stop()
    await read_from_start(PREFIX, 1, 1)
    return "transactions work"


async def refused(producer, value):
    try:
        await asyncio.wait_for(producer.send_and_wait(PREFIX, value), 40)
    except (KafkaError, TimeoutError) as failure:
        return failure
    return None


async def unknown_topic(admin):
    async with AIOKafkaProducer(**BASE, request_timeout_ms=3000) as producer:
        error = await refused(producer, b"x")
    assert isinstance(error, KafkaError), repr(error)
    assert PREFIX not in await admin.list_topics()
    return repr(error)


async def too_large(admin):
    await create_topic(admin, PREFIX)
    async with AIOKafkaProducer(**BASE, max_request_size=10_000_000) as producer:
        error = await refused(producer, bytes(2_000_000))
        assert isinstance(error, MessageSizeTooLargeError), repr(error)
        assert await refused(producer, b"small") is None, "the next record must go through"


async def with_admin(scenario):
    admin = AIOKafkaAdminClient(**BASE)
    try:
        await admin.start()
        return await scenario(admin)
    finally:
        await admin.close()


SCENARIOS = {
    "quickstart": quickstart, "codecs": codecs, "idempotent": idempotent, "group": group, "group-static": group_static, "restart": restart,
    "admin": administer, "transactional": transactional, "unknown-topic": unknown_topic, "too-large": too_large,
}
run(aiokafka.__version__, {name: lambda scenario=scenario: asyncio.run(with_admin(scenario)) for name, scenario in SCENARIOS.items()})
