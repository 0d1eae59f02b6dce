// kafkajs: driver.js BOOTSTRAP SCENARIO PREFIX RECORDS

const assert = require('node:assert/strict')
const { Kafka, CompressionTypes, ConfigResourceTypes, AssignerProtocol, logLevel } = require('kafkajs')
const registerCodecs = require('./codecs')
const { BOOTSTRAP, PREFIX, Member, expectedRecords, helpers, run, waitFor } = require('./scenarios')

const kafka = new Kafka({ brokers: [BOOTSTRAP], clientId: 'a-client', logLevel: logLevel.NOTHING, retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 20 } })
const admin = kafka.admin()

async function producer(options = {}) {
  const connected = kafka.producer({ allowAutoTopicCreation: false, ...options })
  await connected.connect()
  return connected
}

async function join(groupId, topic, { autoCommit = true } = {}) {
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, sessionTimeout: 10000, heartbeatInterval: 500, maxWaitTimeInMs: 200 })
  const member = new Member(topic, consumer)
  consumer.on('consumer.group_join', ({ payload }) => { member.owned = payload.memberAssignment[topic] || [] })
  consumer.on('consumer.rebalancing', () => { member.owned = [] })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ autoCommit, autoCommitInterval: 500, eachMessage: async payload => member.read(payload) })
  return member
}

// kafkajs' own wait gives up when a broker does not know the new topic at once.
const createTopics = topics => admin.createTopics({ waitForLeaders: false, topics })
const client = { admin, createTopics, producer, join }
const { createTopic, compareRecords, compareOffsets } = helpers(client)

async function codecs() {
  await registerCodecs()
  const sender = await producer()
  const expected = expectedRecords()
  for (const [name, compression] of Object.entries(CompressionTypes)) {
    await compareRecords(name, expected, topic => sender.send({ topic, compression, messages: expected }))
  }
  await sender.disconnect()
}

async function administer() {
  await createTopic(PREFIX, 2, [{ name: 'retention.ms', value: '123456' }])
  const configs = async () => {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: PREFIX }] })
    return Object.fromEntries(resources[0].configEntries.map(entry => [entry.configName, entry]))
  }
  assert.equal((await configs())['retention.ms'].configValue, '123456')
  assert.equal((await configs())['max.message.bytes'].isDefault, true)
  // kafkajs knows only the older AlterConfigs, which replaces all of the topic's values.
  await admin.alterConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: PREFIX, configEntries: [{ name: 'max.message.bytes', value: '2000000' }] }] })
  await waitFor(async () => (await configs())['max.message.bytes'].configValue === '2000000', () => 'altered config seen')
  assert.equal((await configs())['retention.ms'].isDefault, true)

  await admin.createPartitions({ topicPartitions: [{ topic: PREFIX, count: 4 }] })
  const partitions = async () => (await admin.fetchTopicMetadata({ topics: [PREFIX] })).topics[0].partitions.length
  await waitFor(async () => (await partitions()) === 4, () => 'four partitions')

  const cluster = await admin.describeCluster()
  assert.ok(cluster.clusterId && cluster.brokers.length === 1 && cluster.controller === cluster.brokers[0].nodeId)

  await compareOffsets()

  const member = await join(PREFIX, PREFIX)
  await waitFor(() => member.seen.length === 3, () => 'three records read')
  const listed = async () => (await admin.listGroups()).groups.some(g => g.groupId === PREFIX)
  await waitFor(listed, () => 'the group is listed')
  const described = async () => (await admin.describeGroups([PREFIX])).groups[0]
  assert.equal((await described()).state, 'Stable')
  assert.equal((await described()).members[0].clientId, 'a-client')
  const { assignment } = AssignerProtocol.MemberAssignment.decode((await described()).members[0].memberAssignment)
  assert.deepEqual(assignment[PREFIX].sort(), [0, 1, 2, 3])
  await member.leave()
  await waitFor(async () => (await described()).state === 'Empty', () => 'the group is empty')
  const committed = async () => (await admin.fetchOffsets({ groupId: PREFIX, topics: [PREFIX] }))[0].partitions.find(p => p.partition === 3).offset
  assert.equal(await committed(), '3')
  await admin.setOffsets({ groupId: PREFIX, topic: PREFIX, partitions: [{ partition: 3, offset: '1' }] })
  assert.equal(await committed(), '1')
  await admin.deleteGroups([PREFIX])
  await waitFor(async () => !(await listed()), () => 'the group is gone')

  await admin.deleteTopics({ topics: [PREFIX] })
  await waitFor(async () => !(await admin.listTopics()).includes(PREFIX), () => 'the topic is gone')
}

async function unknownTopic() {
  const sender = await producer({ retry: { retries: 2, initialRetryTime: 100 } })
  await assert.rejects(sender.send({ topic: PREFIX, messages: [{ value: 'x' }] }), /does not host this topic-partition/)
  assert.ok(!(await admin.listTopics()).includes(PREFIX))
  await sender.disconnect()
}

async function tooLarge() {
  await createTopic(PREFIX)
  const sender = await producer()
  const send = value => sender.send({ topic: PREFIX, messages: [{ value }] })
  await assert.rejects(send(Buffer.alloc(2000000)), { type: 'MESSAGE_TOO_LARGE' })
  await send('small')
  await sender.disconnect()
}

run(require('kafkajs/package.json').version, client, { codecs, admin: administer, 'unknown-topic': unknownTopic, 'too-large': tooLarge })
