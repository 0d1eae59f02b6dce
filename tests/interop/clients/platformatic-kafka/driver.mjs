// @platformatic/kafka: driver.mjs BOOTSTRAP SCENARIO PREFIX RECORDS
// It needs a newer Node than Debian has, so package.json brings one.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import readline from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, Consumer, Producer, ListOffsetTimestamps, stringDeserializers, stringSerializers } from '@platformatic/kafka'

const [BOOTSTRAP, SCENARIO, PREFIX, RECORDS] = process.argv.slice(2)
const PARTITIONS = 6
const BASE = { clientId: 'a-client', bootstrapBrokers: [BOOTSTRAP], retryDelay: 100, retries: 100 }
const admin = new Admin(BASE)

async function waitFor(condition, what, seconds = 40) {
  const deadline = Date.now() + seconds * 1000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what()}`)
    await sleep(20)
  }
}

const range = (from, to) => Array.from({ length: to - from }, (_, i) => `${from + i}`)

async function listOffsets(topic, partitions, timestamp) {
  const found = await admin.listOffsets({ topics: [{ name: topic, partitions: partitions.map(partitionIndex => ({ partitionIndex, timestamp })) }] })
  return found[0].partitions.map(({ offset }) => offset)
}

async function createTopic(topic, partitions = 1, configs = []) {
  await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs })
  const every = Array.from({ length: partitions }, (_, i) => i)
  const ready = () => listOffsets(topic, every, ListOffsetTimestamps.EARLIEST).then(found => found.length === partitions, () => false)
  await waitFor(ready, () => `all partitions of ${topic} answer`)
}

function producer(options = {}) {
  return new Producer({ ...BASE, serializers: stringSerializers, ...options })
}

/** A group member that keeps account of what it owns and has read. */
class Member {
  constructor(groupId) {
    this.seen = []
    this.consumer = new Consumer({ ...BASE, groupId, sessionTimeout: 10000, heartbeatInterval: 500, maxWaitTime: 200 })
  }

  get owned() {
    return this.consumer.isActive() ? (this.consumer.assignments ?? []).flatMap(({ partitions }) => partitions) : []
  }

  async start(options = {}, topic = PREFIX) {
    this.stream = await this.consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: 500, ...options })
    this.stream.on('data', message => this.seen.push(message))
    this.stream.on('error', error => { this.error = error })
    return this
  }

  get values() {
    return this.seen.map(message => message.value.toString())
  }

  async leave() {
    await this.stream.close()
    await this.consumer.close(true)
  }
}

async function readFromStart(topic, count) {
  const member = await new Member(`${topic}-reader`).start({ mode: 'earliest' }, topic)
  await waitFor(() => member.seen.length >= count, () => `read ${member.seen.length} of ${count} records, ${member.error}`)
  await member.leave()
  assert.equal(member.seen.length, count)
  return member.seen
}

// What its README shows, with its defaults.
async function quickstart() {
  const simple = new Producer({ clientId: 'my-producer', bootstrapBrokers: [BOOTSTRAP], serializers: stringSerializers, autocreateTopics: true })
  const before = BigInt(Date.now())
  const { offsets } = await simple.send({ messages: [{ topic: PREFIX, key: 'user-123', value: '0', headers: { source: 'web-app' } }] })
  assert.deepEqual(offsets, [{ topic: PREFIX, partition: 0, offset: 0n }])
  const outgoing = simple.asStream({ batchSize: 25, batchTime: 10 })
  for (const value of range(1, 100)) outgoing.write({ topic: PREFIX, value })
  await outgoing.close()
  await simple.close()
  const consumer = new Consumer({ clientId: 'my-consumer', groupId: PREFIX, bootstrapBrokers: [BOOTSTRAP], deserializers: stringDeserializers })
  const stream = await consumer.consume({ autocommit: true, topics: [PREFIX], mode: 'earliest', sessionTimeout: 10000, heartbeatInterval: 500 })
  const got = []
  for await (const message of stream) {
    got.push(message)
    if (got.length === 100) break
  }
  assert.deepEqual(got.map(message => message.value), range(0, 100))
  assert.equal(got[0].headers.get('source'), 'web-app')
  assert.deepEqual((await consumer.listOffsets({ topics: [PREFIX], timestamp: ListOffsetTimestamps.LATEST })).get(PREFIX), [100n])
  const byTime = (await consumer.listOffsetsWithTimestamps({ topics: [PREFIX], timestamp: before })).get(PREFIX).get(0)
  assert.ok(byTime.offset === 0n && byTime.timestamp >= before, byTime)
  await consumer.close(true)
}

function expectedRecords() {
  const unhex = text => (text === '-' ? null : Buffer.from(text, 'hex'))
  return fs.readFileSync(RECORDS, 'utf8').split('\n').filter(line => line && !line.startsWith('#')).map(line => {
    const [key, value, list] = line.split('\t')
    const headers = list.split(',').filter(Boolean).map(header => header.split('=').map(unhex))
    return { key: unhex(key), value: unhex(value), headers }
  })
}

async function codecs() {
  const expected = expectedRecords()
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const topic = `${PREFIX}-${compression}`
    await createTopic(topic)
    const bytes = new Producer({ ...BASE, compression })
    await bytes.send({ messages: expected.map(({ key, value, headers }) => ({ topic, key, value, headers: new Map(headers) })) })
    await bytes.close()
    const got = (await readFromStart(topic, expected.length)).map(({ key, value, headerEntries }) => {
      return { key: key ?? null, value: value ?? null, headers: headerEntries.map(([name, content]) => [name, content ?? null]) }
    })
    assert.deepEqual(got, expected, compression)
  }
}

async function idempotent() {
  await createTopic(PREFIX, 3)
  const sender = producer({ idempotent: true })
  for (let batch = 0; batch < 30; batch++) {
    await sender.send({ messages: Array.from({ length: 30 }, (_, i) => ({ topic: PREFIX, partition: i % 3, value: `${batch * 30 + i}` })) })
  }
  await sender.close()
  const got = await readFromStart(PREFIX, 900)
  for (let p = 0; p < 3; p++) {
    const values = got.filter(m => m.partition === p).map(m => Number(m.value.toString()))
    assert.deepEqual(values, Array.from({ length: 300 }, (_, i) => i * 3 + p), `partition ${p}: lost, doubled or out of order`)
  }
}

async function waitForBalance(members, what) {
  const balanced = () => members.flatMap(m => m.owned).sort().join() === '0,1,2,3,4,5' && members.every(m => m.owned.length)
  await waitFor(balanced, () => `${what}: every partition owned once, ${JSON.stringify(members.map(m => m.owned))}`)
}

async function group() {
  await createTopic(PREFIX, PARTITIONS)
  const sender = producer({ idempotent: true })
  const sent = []
  let streaming = true
  const stream = (async () => {
    while (streaming) {
      const messages = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: PREFIX, partition, value: `${sent.length + partition}` }))
      sent.push(...messages.map(m => m.value))
      await sender.send({ messages })
      await sleep(20)
    }
  })()
  const [first, second] = await Promise.all([new Member(PREFIX).start(), new Member(PREFIX).start()])
  await waitForBalance([first, second], 'two members')
  const third = await new Member(PREFIX).start()
  await waitForBalance([first, second, third], 'a third joins')
  await second.leave()
  await waitForBalance([first, third], 'one leaves')
  streaming = false
  await stream
  const seen = () => new Set([first, second, third].flatMap(m => m.values))
  await waitFor(() => sent.every(value => seen().has(value)), () => `every record read by a member: ${sent.length} sent, ${seen().size} read`)
  await Promise.all([first.leave(), third.leave()])
  await sender.close()
}

async function restart() {
  await createTopic(PREFIX)
  const values = range(0, 100)
  const sender = producer({ idempotent: true })
  const send = part => sender.send({ messages: part.map(value => ({ topic: PREFIX, value })) })
  await send(values.slice(0, 60))
  const staying = await new Member(`${PREFIX}-staying`).start({ autocommit: false })
  await waitFor(() => staying.seen.length === 60, () => `60 records, read ${staying.seen.length}`)
  await staying.seen.at(-1).commit()
  const leaving = await new Member(`${PREFIX}-leaving`).start({ autocommit: false })
  await waitFor(() => leaving.seen.length === 60, () => `60 records, read ${leaving.seen.length}`)
  await leaving.seen[24].commit()
  await leaving.leave()
  const restarted = new Promise(resolve => readline.createInterface({ input: process.stdin }).once('line', resolve))
  console.log(JSON.stringify({ restart: true }))
  await restarted
  await send(values.slice(60))
  await waitFor(() => staying.seen.length >= 100, () => `100 records, read ${staying.seen.length}, ${staying.error}`)
  assert.deepEqual(staying.values, values, 'the consumer that stayed')
  const resumed = await new Member(`${PREFIX}-leaving`).start()
  await waitFor(() => resumed.seen.length >= 75, () => `75 records, read ${resumed.seen.length}, ${resumed.error}`)
  assert.deepEqual(resumed.values, values.slice(25), 'the new consumer')
  await Promise.all([staying.leave(), resumed.leave()])
  await sender.close()
}

async function topicConfigs() {
  const [{ configs }] = await admin.describeConfigs({ resources: [{ resourceType: 2, resourceName: PREFIX }] })
  return Object.fromEntries(configs.map(entry => [entry.name, entry]))
}

async function administer() {
  await createTopic(PREFIX, 2, [{ name: 'retention.ms', value: '123456' }, { name: 'cleanup.policy', value: 'delete' }])
  assert.equal((await topicConfigs())['retention.ms'].value, '123456')
  const configs = [
    { name: 'retention.ms', configOperation: 1, value: null },
    { name: 'cleanup.policy', configOperation: 2, value: 'compact' },
    { name: 'max.message.bytes', configOperation: 0, value: '2000000' },
  ]
  await admin.incrementalAlterConfigs({ resources: [{ resourceType: 2, resourceName: PREFIX, configs }] })
  await waitFor(async () => (await topicConfigs())['max.message.bytes'].value === '2000000', () => 'altered config seen')
  assert.equal((await topicConfigs())['cleanup.policy'].value, 'delete,compact')
  assert.notEqual((await topicConfigs())['retention.ms'].value, '123456')

  await admin.createPartitions({ topics: [{ name: PREFIX, count: 4, assignments: null }] })
  const metadata = () => admin.metadata({ topics: [PREFIX], forceUpdate: true })
  await waitFor(async () => (await metadata()).topics.get(PREFIX).partitionsCount === 4, () => 'four partitions')
  const cluster = await metadata()
  assert.ok(cluster.id && cluster.brokers.size === 1 && cluster.brokers.has(cluster.controllerId))

  // By itself it asks for acks=1, and Naru shows such records only when they are on disk.
  const sender = producer({ acks: -1 })
  await sender.send({ messages: [1000000n, 2000000n, 3000000n].map(timestamp => ({ topic: PREFIX, partition: 3, key: 'k', value: 'x', timestamp })) })
  await sender.close()
  for (const [spec, offset] of [[ListOffsetTimestamps.EARLIEST, 0n], [ListOffsetTimestamps.LATEST, 3n], [1500000n, 1n], [ListOffsetTimestamps.MAX, 2n]]) {
    assert.deepEqual(await listOffsets(PREFIX, [3], spec), [offset], `the offset of ${spec}`)
  }
  await groups()
  await admin.deleteTopics({ topics: [PREFIX] })
  await waitFor(async () => !(await admin.listTopics()).includes(PREFIX), () => 'the topic is gone')
}

async function groups() {
  const member = await new Member(PREFIX).start()
  await waitFor(() => member.seen.length === 3, () => `three records read, ${member.seen.length}`)
  const listed = async () => (await admin.listGroups()).has(PREFIX)
  await waitFor(listed, () => 'the group is listed')
  const described = async () => (await admin.describeGroups({ groups: [PREFIX] })).get(PREFIX)
  const { state, members } = await described()
  const [one] = members.values()
  assert.ok(state === 'Stable' && one.clientId === 'a-client', `${state}, ${one?.clientId}`)
  assert.deepEqual(one.assignments.get(PREFIX).partitions.sort(), [0, 1, 2, 3])
  await member.leave()
  await waitFor(async () => (await described()).state === 'Empty', () => 'the group is empty')
  const committed = async () => {
    const [found] = await admin.listConsumerGroupOffsets({ groups: [PREFIX] })
    return found.topics.flatMap(topic => topic.partitions).find(p => p.partitionIndex === 3)?.committedOffset
  }
  assert.equal(await committed(), 3n)
  await admin.alterConsumerGroupOffsets({ groupId: PREFIX, topics: [{ name: PREFIX, partitionOffsets: [{ partition: 3, offset: 1n }] }] })
  assert.equal(await committed(), 1n)
  await admin.deleteConsumerGroupOffsets({ groupId: PREFIX, topics: [{ name: PREFIX, partitionIndexes: [3] }] })
  assert.equal(await committed(), undefined)
  await admin.deleteGroups({ groups: [PREFIX] })
  await waitFor(async () => !(await listed()), () => 'the group is gone')
}

/** The ids of the broker's errors inside of an error. */
function errorIds(error) {
  return [error.apiId, ...(error.errors ?? []).flatMap(errorIds), ...(error.cause ? errorIds(error.cause) : [])].filter(Boolean)
}

// Either transactions work, or the client stops with a clear error.
async function transactional() {
  await createTopic(PREFIX)
  const sender = producer({ idempotent: true, transactionalId: PREFIX })
  try {
    const transaction = await sender.beginTransaction()
    await transaction.send({ messages: [{ topic: PREFIX, value: 'x' }] })
    await transaction.commit()
  } catch (error) {
    assert.ok(errorIds(error).includes('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'), `${error} ${errorIds(error)}`)
    return `refused: ${errorIds(error)}`
  }
  await readFromStart(PREFIX, 1)
  return 'transactions work'
}

async function unknownTopic() {
  for (const autocreateTopics of [false, true]) {
    const sender = producer({ retries: 2, autocreateTopics })
    const refused = await sender.send({ messages: [{ topic: PREFIX, value: 'x' }] }).catch(error => error)
    assert.match(`${refused} ${errorIds(refused)}`, /Unknown topic|UNKNOWN_TOPIC_OR_PARTITION/)
    await sender.close()
  }
  assert.ok(!(await admin.listTopics()).includes(PREFIX))
}

async function tooLarge() {
  await createTopic(PREFIX)
  const sender = producer({ retries: 2 })
  const refused = await sender.send({ messages: [{ topic: PREFIX, value: 'x'.repeat(2000000) }] }).catch(error => error)
  assert.ok(refused instanceof Error && errorIds(refused).includes('MESSAGE_TOO_LARGE'), `${refused} ${errorIds(refused)}`)
  await sender.send({ messages: [{ topic: PREFIX, value: 'small' }] })
  await sender.close()
}

const scenarios = {
  quickstart, codecs, idempotent, group, restart, admin: administer, transactional, 'unknown-topic': unknownTopic, 'too-large': tooLarge,
}

const { version } = JSON.parse(fs.readFileSync(new URL('./node_modules/@platformatic/kafka/package.json', import.meta.url)))
const answer = { version }
try {
  answer.note = (await scenarios[SCENARIO]()) || ''
  answer.ok = true
} catch (error) {
  Object.assign(answer, { ok: false, error: `${error.stack || error} ${errorIds(error)}` })
}
console.log(JSON.stringify(answer))
process.exit(answer.ok ? 0 : 1)
