// kafkajs: driver.js BOOTSTRAP SCENARIO PREFIX RECORDS

const assert = require('node:assert/strict')
const fs = require('node:fs')
const readline = require('node:readline')
const { setTimeout: sleep } = require('node:timers/promises')
const { Kafka, CompressionTypes, ConfigResourceTypes, AssignerProtocol, logLevel } = require('kafkajs')
const registerCodecs = require('./codecs')

const [BOOTSTRAP, SCENARIO, PREFIX, RECORDS] = process.argv.slice(2)
const PARTITIONS = 6
const kafka = new Kafka({ brokers: [BOOTSTRAP], clientId: 'a-client', logLevel: logLevel.NOTHING, retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 20 } })
const admin = kafka.admin()

async function waitFor(condition, what, seconds = 40) {
  const deadline = Date.now() + seconds * 1000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what()}`)
    await sleep(20)
  }
}

async function createTopic(topic, numPartitions = 1, configEntries = []) {
  // kafkajs' own wait gives up when a broker does not know the new topic at once.
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, configEntries }] })
  const ready = () => admin.fetchTopicOffsets(topic).then(found => found.length === numPartitions, () => false)
  await waitFor(ready, () => `all partitions of ${topic} answer`)
}

async function connectedProducer(options = {}) {
  const producer = kafka.producer({ allowAutoTopicCreation: false, ...options })
  await producer.connect()
  return producer
}

/** A group member that keeps account of what it owns and has read. */
class Member {
  constructor(groupId, topic) {
    this.topic = topic
    this.owned = []
    this.seen = []
    this.consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, sessionTimeout: 10000, heartbeatInterval: 500, maxWaitTimeInMs: 200 })
    this.consumer.on('consumer.group_join', ({ payload }) => { this.owned = payload.memberAssignment[topic] || [] })
    this.consumer.on('consumer.rebalancing', () => { this.owned = [] })
  }

  async start(options = { autoCommitInterval: 500 }) {
    await this.consumer.connect()
    await this.consumer.subscribe({ topics: [this.topic], fromBeginning: true })
    await this.consumer.run({ ...options, eachMessage: async ({ message, partition }) => { this.seen.push({ partition, ...message }) } })
    return this
  }

  values() {
    return this.seen.map(message => message.value.toString())
  }

  async leave() {
    await this.consumer.disconnect()
    this.owned = []
  }
}

async function readFromStart(topic, count) {
  const member = await new Member(`${topic}-reader`, topic).start()
  await waitFor(() => member.seen.length >= count, () => `read ${member.seen.length} of ${count} records`)
  await member.leave()
  assert.equal(member.seen.length, count)
  return member.seen
}

function expectedRecords() {
  const unhex = text => (text === '-' ? null : Buffer.from(text, 'hex'))
  return fs.readFileSync(RECORDS, 'utf8').split('\n').filter(line => line && !line.startsWith('#')).map(line => {
    const [key, value, list] = line.split('\t')
    const headers = {}
    // kafkajs cannot send a header without a value.
    for (const [name, content] of list.split(',').filter(header => header && !header.endsWith('=-')).map(header => header.split('='))) {
      const text = unhex(name).toString()
      headers[text] = headers[text] === undefined ? unhex(content) : [headers[text], unhex(content)].flat()
    }
    return { key: unhex(key), value: unhex(value), headers }
  })
}

async function codecs() {
  await registerCodecs()
  const producer = await connectedProducer()
  const expected = expectedRecords()
  for (const [name, compression] of Object.entries(CompressionTypes)) {
    const topic = `${PREFIX}-${name}`
    await createTopic(topic)
    await producer.send({ topic, compression, messages: expected })
    const got = (await readFromStart(topic, expected.length)).map(({ key, value, headers }) => ({ key, value, headers: { ...headers } }))
    assert.deepEqual(got, expected, name)
  }
  await producer.disconnect()
}

async function idempotent() {
  await createTopic(PREFIX, 3)
  const producer = await connectedProducer({ idempotent: true, maxInFlightRequests: 1 })
  for (let batch = 0; batch < 30; batch++) {
    const messages = Array.from({ length: 30 }, (_, i) => ({ partition: i % 3, value: `${batch * 30 + i}` }))
    await producer.send({ topic: PREFIX, messages })
  }
  await producer.disconnect()
  const got = await readFromStart(PREFIX, 900)
  for (let p = 0; p < 3; p++) {
    const values = got.filter(m => m.partition === p).map(m => Number(m.value))
    assert.deepEqual(values, Array.from({ length: 300 }, (_, i) => i * 3 + p), `partition ${p}: lost, doubled or out of order`)
  }
}

async function waitForBalance(members, what) {
  const balanced = () => members.flatMap(m => m.owned).sort().join() === '0,1,2,3,4,5' && members.every(m => m.owned.length)
  await waitFor(balanced, () => `${what}: every partition owned once, ${JSON.stringify(members.map(m => m.owned))}`)
}

async function group() {
  await createTopic(PREFIX, PARTITIONS)
  const producer = await connectedProducer()
  const sent = []
  let streaming = true
  const stream = (async () => {
    while (streaming) {
      const messages = Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, value: `${sent.length + partition}` }))
      sent.push(...messages.map(m => m.value))
      await producer.send({ topic: PREFIX, messages })
      await sleep(20)
    }
  })()
  const [first, second] = await Promise.all([new Member(PREFIX, PREFIX).start(), new Member(PREFIX, PREFIX).start()])
  await waitForBalance([first, second], 'two members')
  const third = await new Member(PREFIX, PREFIX).start()
  await waitForBalance([first, second, third], 'a third joins')
  await second.leave()
  await waitForBalance([first, third], 'one leaves')
  streaming = false
  await stream
  const seen = () => new Set([first, second, third].flatMap(m => m.values()))
  await waitFor(() => sent.every(value => seen().has(value)), () => `every record read by a member: ${sent.length} sent, ${seen().size} read`)
  await Promise.all([first.leave(), third.leave(), producer.disconnect()])
}

async function restart() {
  await createTopic(PREFIX)
  const values = Array.from({ length: 100 }, (_, i) => `${i}`)
  const producer = await connectedProducer({ idempotent: true, maxInFlightRequests: 1 })
  const send = part => producer.send({ topic: PREFIX, messages: part.map(value => ({ value })) })
  await send(values.slice(0, 60))
  const staying = await new Member(`${PREFIX}-staying`, PREFIX).start()
  await waitFor(() => staying.seen.length === 60, () => `60 records, read ${staying.seen.length}`)
  await staying.consumer.commitOffsets([{ topic: PREFIX, partition: 0, offset: '60' }])
  const leaving = await new Member(`${PREFIX}-leaving`, PREFIX).start({ autoCommit: false })
  await waitFor(() => leaving.seen.length === 60, () => `60 records, read ${leaving.seen.length}`)
  await leaving.consumer.commitOffsets([{ topic: PREFIX, partition: 0, offset: '25' }])
  await leaving.leave()
  const restarted = new Promise(resolve => readline.createInterface({ input: process.stdin }).once('line', resolve))
  console.log(JSON.stringify({ restart: true }))
  await restarted
  await send(values.slice(60))
  await waitFor(() => staying.seen.length >= 100, () => `100 records, read ${staying.seen.length}`)
  assert.deepEqual(staying.values(), values, 'the consumer that stayed')
  const resumed = await new Member(`${PREFIX}-leaving`, PREFIX).start()
  await waitFor(() => resumed.seen.length >= 75, () => `75 records, read ${resumed.seen.length}`)
  assert.deepEqual(resumed.values(), values.slice(25), 'the new consumer')
  await Promise.all([staying.leave(), resumed.leave(), producer.disconnect()])
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

  const producer = await connectedProducer()
  await producer.send({ topic: PREFIX, messages: [1000000, 2000000, 3000000].map(t => ({ partition: 3, value: 'x', timestamp: `${t}` })) })
  await producer.disconnect()
  const ends = (await admin.fetchTopicOffsets(PREFIX)).find(p => p.partition === 3)
  assert.deepEqual({ low: ends.low, high: ends.high }, { low: '0', high: '3' })
  assert.equal((await admin.fetchTopicOffsetsByTimestamp(PREFIX, 1500000)).find(p => p.partition === 3).offset, '1')

  const member = await new Member(PREFIX, PREFIX).start()
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

// Either transactions work, or the client stops with a clear error.
async function transactional() {
  await createTopic(PREFIX)
  const producer = await connectedProducer({ transactionalId: PREFIX, idempotent: true, maxInFlightRequests: 1 })
  try {
    const transaction = await producer.transaction()
    await transaction.send({ topic: PREFIX, messages: [{ value: 'x' }] })
    await transaction.commit()
  } catch (error) {
    assert.ok(!error.retriable && error.name !== 'KafkaJSNumberOfRetriesExceeded', `the client tried again and again: ${error}`)
    return `refused: ${error}`
  }
  await readFromStart(PREFIX, 1)
  return 'transactions work'
}

async function unknownTopic() {
  const producer = await connectedProducer({ retry: { retries: 2, initialRetryTime: 100 } })
  await assert.rejects(producer.send({ topic: PREFIX, messages: [{ value: 'x' }] }), /does not host this topic-partition/)
  assert.ok(!(await admin.listTopics()).includes(PREFIX))
  await producer.disconnect()
}

async function tooLarge() {
  await createTopic(PREFIX)
  const producer = await connectedProducer()
  const send = value => producer.send({ topic: PREFIX, messages: [{ value }] })
  await assert.rejects(send(Buffer.alloc(2000000)), { type: 'MESSAGE_TOO_LARGE' })
  await send('small')
  await producer.disconnect()
}

const scenarios = { codecs, idempotent, group, restart, admin: administer, transactional, 'unknown-topic': unknownTopic, 'too-large': tooLarge }

async function main() {
  const answer = { version: require('kafkajs/package.json').version }
  try {
    await admin.connect()
    answer.note = (await scenarios[SCENARIO]()) || ''
    answer.ok = true
  } catch (error) {
    Object.assign(answer, { ok: false, error: `${error.stack || error}` })
  }
  console.log(JSON.stringify(answer))
  process.exit(answer.ok ? 0 : 1)
}

main()
