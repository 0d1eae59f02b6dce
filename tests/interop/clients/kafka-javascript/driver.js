// @confluentinc/kafka-javascript: driver.js BOOTSTRAP SCENARIO PREFIX RECORDS

const assert = require('node:assert/strict')
const { KafkaJS, librdkafkaVersion } = require('@confluentinc/kafka-javascript')
const { BOOTSTRAP, PREFIX, Member, expectedRecords, helpers, run, waitFor } = require('./scenarios')

const { Kafka, CompressionTypes, ConsumerGroupStates, ErrorCodes, PartitionAssigners, logLevel } = KafkaJS
const kafka = new Kafka({ kafkaJS: { brokers: [BOOTSTRAP], clientId: 'a-client', logLevel: logLevel.NOTHING } })
const admin = kafka.admin()

async function producer(kafkaJS = {}, others = {}) {
  const connected = kafka.producer({ kafkaJS: { allowAutoTopicCreation: false, ...kafkaJS }, ...others })
  await connected.connect()
  return connected
}

async function join(groupId, topic, { autoCommit = true, cooperative = false, instance } = {}) {
  const assigner = cooperative ? PartitionAssigners.cooperativeSticky : PartitionAssigners.range
  const member = new Member(topic)
  const rebalanced = (error, partitions) => {
    const change = error.code === ErrorCodes.ERR__ASSIGN_PARTITIONS ? 'assign' : 'revoke'
    member[change](partitions.map(({ partition }) => partition))
  }
  member.consumer = kafka.consumer({
    kafkaJS: { groupId, fromBeginning: true, autoCommit, autoCommitInterval: 500, heartbeatInterval: 500, partitionAssigners: [assigner] },
    rebalance_cb: rebalanced,
    ...(instance && { 'group.instance.id': instance }),
  })
  await member.consumer.connect()
  await member.consumer.subscribe({ topics: [topic] })
  await member.consumer.run({ eachMessage: async payload => member.read(payload) })
  return member
}

const client = { admin, createTopics: topics => admin.createTopics({ topics }), producer, join }
const { createTopic, readFromStart, compareRecords, compareOffsets } = helpers(client)

// What its README shows first: fifty records without waiting in between, to a topic that is not there yet.
async function quickstart() {
  const sender = kafka.producer({ 'bootstrap.servers': BOOTSTRAP })
  await sender.connect()
  const send = () => sender.send({ topic: PREFIX, messages: [{ value: 'v', partition: 0, key: 'x' }] })
  await Promise.all(Array.from({ length: 50 }, send))
  await sender.disconnect()
  const got = await readFromStart(PREFIX, 50)
  assert.ok(got.every(({ key, value, partition }) => `${key}${value}${partition}` === 'xv0'), 'other records came back')
  assert.deepEqual(await admin.fetchTopicOffsetsByTimestamp(PREFIX, 0), [{ partition: 0, offset: '0' }])
}

async function codecs() {
  // An empty key or value goes out as null.
  const orNull = buffer => (buffer?.length ? buffer : null)
  const expected = expectedRecords().map(({ key, value, headers }) => ({ key: orNull(key), value: orNull(value), headers }))
  for (const compression of Object.values(CompressionTypes)) {
    const sender = await producer({ compression })
    // `send` writes into the messages that it is given.
    const messages = expected.map(message => ({ ...message, headers: { ...message.headers } }))
    await compareRecords(compression, expected, topic => sender.send({ topic, messages }))
    await sender.disconnect()
  }
}

// It has neither configs nor partitions to add.
async function administer() {
  await createTopic(PREFIX, 4, [{ name: 'retention.ms', value: '123456' }])
  const [described] = await admin.fetchTopicMetadata({ topics: [PREFIX] })
  assert.deepEqual(described.partitions.map(({ partitionId }) => partitionId).sort(), [0, 1, 2, 3])

  await compareOffsets()

  const member = await join(PREFIX, PREFIX)
  await waitFor(() => member.seen.length === 3, () => 'three records read')
  const listed = async () => (await admin.listGroups()).groups.some(g => g.groupId === PREFIX)
  await waitFor(listed, () => 'the group is listed')
  const group = async () => (await admin.describeGroups([PREFIX])).groups[0]
  const { state, members } = await group()
  assert.equal(state, ConsumerGroupStates.STABLE)
  assert.equal(members[0].clientId, 'a-client')
  assert.deepEqual(members[0].assignment.topicPartitions.map(({ partition }) => partition).sort(), [0, 1, 2, 3])
  await member.leave()
  await waitFor(async () => (await group()).state === ConsumerGroupStates.EMPTY, () => 'the group is empty')
  const [offsets] = await admin.fetchOffsets({ groupId: PREFIX, topics: [PREFIX] })
  assert.equal(offsets.partitions.find(p => p.partition === 3).offset, '3')
  await admin.deleteGroups([PREFIX])
  await waitFor(async () => !(await listed()), () => 'the group is gone')

  await admin.deleteTopicRecords({ topic: PREFIX, partitions: [{ partition: 3, offset: '2' }] })
  assert.equal((await admin.fetchTopicOffsets(PREFIX)).find(p => p.partition === 3).low, '2')
  await admin.deleteTopics({ topics: [PREFIX] })
  await waitFor(async () => !(await admin.listTopics()).includes(PREFIX), () => 'the topic is gone')
}

async function unknownTopic() {
  const sender = await producer({}, { 'message.timeout.ms': 30000, 'topic.metadata.propagation.max.ms': 3000 })
  const unknown = ({ code }) => [ErrorCodes.ERR__UNKNOWN_TOPIC, ErrorCodes.ERR_UNKNOWN_TOPIC_OR_PART].includes(code)
  await assert.rejects(sender.send({ topic: PREFIX, messages: [{ value: 'x' }] }), unknown)
  assert.ok(!(await admin.listTopics()).includes(PREFIX))
  await sender.disconnect()
}

async function tooLarge() {
  await createTopic(PREFIX)
  const sender = await producer({}, { 'message.max.bytes': 10000000 })
  const send = value => sender.send({ topic: PREFIX, messages: [{ value }] })
  await assert.rejects(send(Buffer.alloc(2000000)), { code: ErrorCodes.ERR_MSG_SIZE_TOO_LARGE })
  await send('small')
  await sender.disconnect()
}

const { version } = require('@confluentinc/kafka-javascript/package.json')
run(`${version} (librdkafka ${librdkafkaVersion})`, client, { quickstart, codecs, admin: administer, 'unknown-topic': unknownTopic, 'too-large': tooLarge })
