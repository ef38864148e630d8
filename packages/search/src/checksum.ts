import { type Arena, arena, instantiate } from '@offprint/kernels'
import { relaxed, simd } from '../build/hnsw.js'

interface Engine {
  crcTable(table: number): void
  crc(table: number, start: number, bytes: number, before: number): number
}

const pieceBytes = 1 << 20
let started: { memory: Arena; engine: Engine; table: number; piece: number } | undefined

/**
 * CRC-32C (Castagnoli) of bytes that lie outside of WebAssembly memory.
 * @param before that of the bytes before these, if they go on
 */
export function checksumOf(bytes: Uint8Array, before = 0): number {
  started ??= start()
  const { memory, engine, table, piece } = started
  let value = before
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const part = bytes.subarray(at, at + pieceBytes)
    new Uint8Array(memory.memory.buffer).set(part, piece)
    value = engine.crc(table, piece, part.length, value)
  }
  return value >>> 0
}

function start() {
  const memory = arena()
  const engine = instantiate<Engine>([relaxed, simd], memory)
  const table = memory.take(8 * 256 * 4)
  const piece = memory.take(pieceBytes)
  engine.crcTable(table)
  return { memory, engine, table, piece }
}
