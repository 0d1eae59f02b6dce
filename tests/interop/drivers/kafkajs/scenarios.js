// Scenarios for the clients that have the interface of KafkaJS.
//
// A driver calls `run(version, client, own)`: `own` are the scenarios that it has beside these, and `client` is an object with
//   admin: connected when the scenarios run,
//   createTopics(admin, topics): creates them,
//   producer(options): a producer that is connected and creates no topics,
//   join(group, topic, options): a Member that reads from the earliest record on; the options are `autoCommit`,
//     which is true unless given, and `cooperative` and `instance` where the client knows them.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const readline = require('node:readline')
const { setTimeout: sleep } = require('node:timers/promises')

const [BOOTSTRAP, SCENARIO, PREFIX, RECORDS] = process.argv.slice(2)
const PARTITIONS = 6

async function waitFor(condition, what, seconds = 40) {
  const deadline = Date.now() + seconds * 1000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what()}`)
    await sleep(20)
  }
}

/** A group member that keeps account of what it owns and has read. */
class Member {
  constructor(topic, consumer) {
    Object.assign(this, { topic, consumer, owned: [], revoked: [], changes: 0, seen: [] })
  }

  assign(partitions) {
    this.changes += partitions.length
    this.owned = [...this.owned, ...partitions]
  }

  revoke(partitions) {
    this.changes += partitions.length
    this.owned = this.owned.filter(partition => !partitions.includes(partition))
    this.revoked.push(...partitions)
  }

  read({ message, partition }) {
    this.seen.push({ partition, ...message })
  }

  values() {
    return this.seen.map(message => message.value.toString())
  }

  commit(offset) {
    return this.consumer.commitOffsets([{ topic: this.topic, partition: 0, offset: `${offset}` }])
  }

  async leave() {
    await this.consumer.disconnect()
    this.owned = []
  }
}

/** The records of the file, without the headers that have no value, which these clients cannot send. */
function expectedRecords() {
  const unhex = text => (text === '-' ? null : Buffer.from(text, 'hex'))
  return fs.readFileSync(RECORDS, 'utf8').split('\n').filter(line => line && !line.startsWith('#')).map(line => {
    const [key, value, list] = line.split('\t')
    const headers = {}
    for (const [name, content] of list.split(',').filter(header => header && !header.endsWith('=-')).map(header => header.split('='))) {
      const text = unhex(name).toString()
      headers[text] = headers[text] === undefined ? unhex(content) : [headers[text], unhex(content)].flat()
    }
    return { key: unhex(key), value: unhex(value), headers }
  })
}

/** What the drivers need beside the scenarios themselves. */
function helpers(client) {
  async function createTopic(topic, numPartitions = 1, configEntries = []) {
    await client.createTopics([{ topic, numPartitions, configEntries }])
    const ready = () => client.admin.fetchTopicOffsets(topic).then(found => found.length === numPartitions, () => false)
    await waitFor(ready, () => `all partitions of ${topic} answer`)
  }

  async function readFromStart(topic, count) {
    const member = await client.join(`${topic}-reader`, topic)
    await waitFor(() => member.seen.length >= count, () => `read ${member.seen.length} of ${count} records`)
    await member.leave()
    assert.equal(member.seen.length, count)
    return member.seen
  }

  /** Compares what `send(topic)` sent with what came back. */
  async function compareRecords(codec, expected, send) {
    const topic = `${PREFIX}-${codec}`
    await createTopic(topic)
    await send(topic)
    const got = (await readFromStart(topic, expected.length)).map(({ key, value, headers }) => ({ key, value, headers: { ...headers } }))
    assert.deepEqual(got, expected, codec)
  }

  /** Three records in partition 3 and their offsets, by place and by time. */
  async function compareOffsets() {
    const sender = await client.producer()
    await sender.send({ topic: PREFIX, messages: [1000000, 2000000, 3000000].map(t => ({ partition: 3, value: 'x', timestamp: `${t}` })) })
    await sender.disconnect()
    const ends = (await client.admin.fetchTopicOffsets(PREFIX)).find(p => p.partition === 3)
    assert.deepEqual({ low: ends.low, high: ends.high }, { low: '0', high: '3' })
    assert.equal((await client.admin.fetchTopicOffsetsByTimestamp(PREFIX, 1500000)).find(p => p.partition === 3).offset, '1')
  }

  return { createTopic, readFromStart, compareRecords, compareOffsets }
}

/** The scenarios that are the same for every client. */
function scenarios(client) {
  const { createTopic, readFromStart } = helpers(client)

  async function idempotent() {
    await createTopic(PREFIX, 3)
    const producer = await client.producer({ idempotent: true, maxInFlightRequests: 1 })
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

  async function group(options = {}) {
    await createTopic(PREFIX, PARTITIONS)
    const producer = await client.producer()
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
    const join = () => client.join(PREFIX, PREFIX, options)
    const [first, second] = await Promise.all([join(), join()])
    await waitForBalance([first, second], 'two members')
    for (const member of [first, second]) member.revoked = []
    const third = await join()
    await waitForBalance([first, second, third], 'a third joins')
    if (options.cooperative) {
      const moved = member => member.revoked.filter(partition => member.owned.includes(partition))
      assert.deepEqual([first, second].flatMap(moved), [], 'a partition that stays must not be revoked on the way')
    }
    await second.leave()
    await waitForBalance([first, third], 'one leaves')
    streaming = false
    await stream
    const seen = () => new Set([first, second, third].flatMap(m => m.values()))
    await waitFor(() => sent.every(value => seen().has(value)), () => `every record read by a member: ${sent.length} sent, ${seen().size} read`)
    await Promise.all([first.leave(), third.leave(), producer.disconnect()])
  }

  async function groupStatic() {
    await createTopic(PREFIX, PARTITIONS)
    const join = instance => client.join(PREFIX, PREFIX, { instance })
    const [first, second] = await Promise.all([join('one'), join('two')])
    await waitForBalance([first, second], 'two static members')
    const [before, changes] = [[...second.owned].sort(), first.changes]
    await second.leave()
    const returned = await join('two')
    await waitFor(() => [...returned.owned].sort().join() === before.join(), () => 'the returning static member owns what it owned')
    const producer = await client.producer()
    await producer.send({ topic: PREFIX, messages: Array.from({ length: 60 }, (_, i) => ({ partition: i % PARTITIONS, value: `${i}` })) })
    await waitFor(() => first.seen.length + returned.seen.length === 60, () => 'records read by both')
    assert.equal(first.changes, changes, 'the return of a static member must not rebalance the group')
    await Promise.all([first.leave(), returned.leave(), producer.disconnect()])
  }

  async function restart() {
    await createTopic(PREFIX)
    const values = Array.from({ length: 100 }, (_, i) => `${i}`)
    const producer = await client.producer({ idempotent: true, maxInFlightRequests: 1 })
    const send = part => producer.send({ topic: PREFIX, messages: part.map(value => ({ value })) })
    await send(values.slice(0, 60))
    const staying = await client.join(`${PREFIX}-staying`, PREFIX)
    await waitFor(() => staying.seen.length === 60, () => `60 records, read ${staying.seen.length}`)
    await staying.commit(60)
    const leaving = await client.join(`${PREFIX}-leaving`, PREFIX, { autoCommit: false })
    await waitFor(() => leaving.seen.length === 60, () => `60 records, read ${leaving.seen.length}`)
    await leaving.commit(25)
    await leaving.leave()
    const restarted = new Promise(resolve => readline.createInterface({ input: process.stdin }).once('line', resolve))
    console.log(JSON.stringify({ restart: true }))
    await restarted
    await send(values.slice(60))
    await waitFor(() => staying.seen.length >= 100, () => `100 records, read ${staying.seen.length}`)
    assert.deepEqual(staying.values(), values, 'the consumer that stayed')
    const resumed = await client.join(`${PREFIX}-leaving`, PREFIX)
    await waitFor(() => resumed.seen.length >= 75, () => `75 records, read ${resumed.seen.length}`)
    assert.deepEqual(resumed.values(), values.slice(25), 'the new consumer')
    await Promise.all([staying.leave(), resumed.leave(), producer.disconnect()])
  }

  /** Either transactions work, or the client stops with a clear error. */
  async function transactional() {
    await createTopic(PREFIX)
    try {
      const producer = await client.producer({ transactionalId: PREFIX, idempotent: true, maxInFlightRequests: 1 })
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

  return { idempotent, group, 'group-cooperative': () => group({ cooperative: true }), 'group-static': groupStatic, restart, transactional }
}

/** Runs the scenario that the command line names, and prints the answer. */
async function run(version, client, own) {
  const answer = { version }
  try {
    await client.admin.connect()
    answer.note = (await { ...scenarios(client), ...own }[SCENARIO]()) || ''
    answer.ok = true
  } catch (error) {
    Object.assign(answer, { ok: false, error: `${error.stack || error}` })
  }
  console.log(JSON.stringify(answer))
  process.exit(answer.ok ? 0 : 1)
}

module.exports = { BOOTSTRAP, PREFIX, Member, expectedRecords, helpers, run, waitFor }
