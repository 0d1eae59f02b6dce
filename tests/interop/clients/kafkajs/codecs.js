// kafkajs brings gzip only; the other codecs are registered here, with Kafka's framing around them.

const { CompressionTypes, CompressionCodecs } = require('kafkajs')
const lz4 = require('lz4js')
const xxh = require('lz4js/xxh32')
const snappy = require('snappyjs')
const zstd = require('@bokuweb/zstd-wasm')

// The framing of snappy-java: magic, version, compatible version, then blocks with their length.
const SNAPPY_HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const SNAPPY_BLOCK = 32 * 1024

function snappyCompress({ buffer }) {
  const parts = [SNAPPY_HEADER]
  for (let at = 0; at < buffer.length; at += SNAPPY_BLOCK) {
    const block = Buffer.from(snappy.compress(buffer.subarray(at, at + SNAPPY_BLOCK)))
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

function snappyDecompress(buffer) {
  if (!buffer.subarray(0, 8).equals(SNAPPY_HEADER.subarray(0, 8))) return Buffer.from(snappy.uncompress(buffer))
  const parts = []
  for (let at = SNAPPY_HEADER.length; at < buffer.length; ) {
    const length = buffer.readInt32BE(at)
    parts.push(Buffer.from(snappy.uncompress(buffer.subarray(at + 4, at + 4 + length))))
    at += 4 + length
  }
  return Buffer.concat(parts)
}

// lz4js makes independent blocks without saying so, and Kafka refuses frames that do not say so.
function lz4Compress({ buffer }) {
  const frame = Buffer.from(lz4.compress(buffer))
  frame[4] |= 0x20
  frame[6] = (xxh.hash(0, frame, 4, 2) >> 8) & 0xff
  return frame
}

const register = (type, compress, decompress) => {
  CompressionCodecs[type] = () => ({ compress: async encoder => compress(encoder), decompress: async buffer => decompress(buffer) })
}

module.exports = async function registerCodecs() {
  await zstd.init()
  register(CompressionTypes.Snappy, snappyCompress, snappyDecompress)
  register(CompressionTypes.LZ4, lz4Compress, buffer => Buffer.from(lz4.decompress(buffer)))
  register(CompressionTypes.ZSTD, ({ buffer }) => Buffer.from(zstd.compress(buffer)), buffer => Buffer.from(zstd.decompress(buffer)))
}
