/**
 * Memory that WebAssembly engines work in: blocks are taken and given back by hand, several engines can share one. An arena
 * reaches 4 GiB, all that 32-bit pointers can; what is larger goes into several arenas, each with a part of the rows.
 */
import { InputError } from './input-error.ts'

const pageBytes = 65_536
const lineBytes = 64
/** All that 32-bit addresses reach. */
const mostPages = 65_536

export interface Arena {
  memory: WebAssembly.Memory
  /**
   * Whether the memory is shared, so that several threads can work in it. Typed arrays over shared memory are refused by some
   * functions of browsers (`TextDecoder.decode`, `crypto.getRandomValues`, `new Blob`, `Response`): give those a copy
   * (`view.slice()`). Node's own functions take them.
   */
  shared: boolean
  /** Whether modules may use relaxed SIMD here. */
  relaxed: boolean
  /**
   * Takes a block, aligned to 64 bytes, a line of the caches. Its content is arbitrary. The memory may grow: typed arrays over `memory.buffer` that
   * were made before are then empty (shared memory: they stay, but do not reach the new part) and must be made again.
   * @throws InputError where the memory cannot be had
   */
  take(bytes: number): number
  /** Gives a block back. */
  give(pointer: number): void
}

export interface ArenaOptions {
  /**
   * Memory for several threads: on a SharedArrayBuffer where the host has it (Node, and pages that are cross-origin isolated),
   * otherwise plain memory; `arena.shared` says which. Default false.
   */
  shared?: boolean
  /**
   * Let modules use relaxed SIMD where the host has it. It is faster, and the last bits of floats may then differ from one
   * kind of processor to another; `false` gives the same bits on all. Default true.
   */
  relaxed?: boolean
}

/** Whether this host lets threads share memory. */
export const hasSharedMemory =
  typeof SharedArrayBuffer !== 'undefined' &&
  // Undefined in Node. Pages without isolation can make such memory but not hand it to a worker.
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false

/**
 * @param bytes taken from the start, so that memory need not grow for them
 * @throws InputError where the memory cannot be had
 */
export function arena(bytes = 0, { shared: wantShared = false, relaxed = true }: ArenaOptions = {}): Arena {
  const taken = new Map<number, number>()
  let free: Block[] = []
  // 0 is never given out, so that a pointer of 0 can mean "none".
  let end = lineBytes
  const initial = Math.min(Math.ceil((bytes + end) / pageBytes), mostPages)
  const memory = (wantShared && hasSharedMemory && newMemory(initial, true)) || newMemory(initial, false)
  if (!memory) throw tooMuch(bytes)
  const shared = hasSharedMemory && memory.buffer instanceof SharedArrayBuffer
  if (shared) weighOnCollector(initial * pageBytes)
  return {
    memory,
    shared,
    relaxed,
    take(wanted) {
      const size = Math.ceil(Math.max(1, wanted) / lineBytes) * lineBytes
      let best: Block | undefined
      for (const block of free) if (block.bytes >= size && !(best && best.bytes <= block.bytes)) best = block
      if (best) {
        const { pointer } = best
        best.pointer += size
        best.bytes -= size
        if (!best.bytes) free = free.filter(block => block !== best)
        taken.set(pointer, size)
        return pointer
      }
      const missing = Math.ceil((end + size - memory.buffer.byteLength) / pageBytes)
      if (missing > 0) {
        try {
          memory.grow(missing)
          if (shared) weighOnCollector(missing * pageBytes)
        } catch {
          throw tooMuch(size)
        }
      }
      const pointer = end
      end += size
      taken.set(pointer, size)
      return pointer
    },
    give(pointer) {
      const size = taken.get(pointer)
      if (size === undefined) throw new Error(`no block was taken at ${pointer}`)
      taken.delete(pointer)
      // Neighbours become one, and what is free at the end unused memory again.
      const block = { pointer, bytes: size }
      free = free.filter(other => {
        if (other.pointer + other.bytes === block.pointer) block.pointer = other.pointer
        else if (block.pointer + block.bytes !== other.pointer) return true
        block.bytes += other.bytes
        return false
      })
      if (block.pointer + block.bytes === end) end = block.pointer
      else free.push(block)
    },
  }
}

interface Block {
  pointer: number
  bytes: number
}

function tooMuch(bytes: number): InputError {
  const found = `${Math.ceil(bytes / 1e6).toLocaleString('en')} MB`
  return new InputError('memory', found, 'less', `not enough memory: ${found} more are needed`)
}

/** Memory up to 4 GiB, or to a half, a quarter, … where the host cannot set aside so many addresses for shared memory. */
function newMemory(initial: number, shared: boolean): WebAssembly.Memory | undefined {
  for (let maximum = mostPages; maximum >= initial && maximum >= 4096; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared })
    } catch {
      if (!shared) return undefined
    }
  }
  return undefined
}

/**
 * V8's garbage collector does not count shared memory, so what is no longer used would stay. A plain buffer that is dropped
 * at once is counted, and takes no memory, as nothing is written to it.
 */
export function weighOnCollector(bytes: number): void {
  try {
    new ArrayBuffer(Math.min(bytes, 1 << 29))
  } catch {
    // Then there was a collection already.
  }
}

const compiled = new Map<string, WebAssembly.Module>()

/**
 * Starts a module (as base64, made by scripts/build-wasm.mjs) on an arena's memory. Its functions work on pointers.
 *
 * @param base64 the module, or several builds of which the first that this host accepts is taken: relaxed SIMD before plain.
 * An arena with `relaxed: false` takes the last
 */
export function instantiate<Exports>(base64: string | string[], space: Arena): Exports {
  return new WebAssembly.Instance(compile(base64, space), { env: { memory: space.memory } }).exports as Exports
}

/** A module that is started on an arena the first time it is asked for, and then kept with it. */
export function onArena<Exports>(base64: string | string[]): (space: Arena) => Exports {
  const started = new WeakMap<Arena, Exports>()
  return space => {
    const known = started.get(space)
    if (known) return known
    const exports = instantiate<Exports>(base64, space)
    started.set(space, exports)
    return exports
  }
}

/** The compiled module that fits an arena, to be started there or in a worker. */
export function compile(base64: string | string[], { shared, relaxed }: Arena): WebAssembly.Module {
  const all = typeof base64 === 'string' ? [base64] : base64
  const builds = relaxed ? all : all.slice(-1)
  const key = `${shared ? 'shared' : 'plain'} ${builds[0]}`
  const known = compiled.get(key)
  if (known) return known
  for (const build of builds) {
    const binary = Uint8Array.from(atob(build), letter => letter.charCodeAt(0))
    if (shared) importSharedMemory(binary)
    if (!WebAssembly.validate(binary)) continue
    const module = new WebAssembly.Module(binary)
    compiled.set(key, module)
    return module
  }
  throw new Error('this host has no WebAssembly SIMD, or no atomic operations')
}

const importSection = 2
const kinds = { table: 1, memory: 2, global: 3, tag: 4 }
const hasMaximum = 1
const isShared = 2

/** Marks the memory that a binary imports as shared, in place. It must have a maximum. */
function importSharedMemory(binary: Uint8Array): void {
  let at = 8
  /** A whole number in LEB128. */
  const number = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at++]
      value |= (byte & 0x7f) << shift
      if (!(byte & 0x80)) return value
    }
  }
  const skipName = () => {
    const length = number()
    at += length
  }
  const limits = () => {
    const flags = number()
    number()
    if (flags & hasMaximum) number()
  }
  while (at < binary.length) {
    const section = binary[at++]
    const size = number()
    if (section !== importSection) {
      at += size
      continue
    }
    for (let left = number(); left > 0; left--) {
      skipName()
      skipName()
      const kind = binary[at++]
      if (kind === kinds.memory) {
        if (binary[at] === hasMaximum) binary[at] |= isShared
        limits()
      } else if (kind === kinds.table) {
        at++
        limits()
      } else if (kind === kinds.global) at += 2
      else if (kind === kinds.tag) {
        at++
        number()
      } else number()
    }
    return
  }
}
