/** Memory that WebAssembly engines work in: blocks are taken and given back by hand, several engines can share one. */
import { InputError } from './input-error.ts'

const pageBytes = 65_536
/** All that 32-bit addresses reach. */
const mostPages = 65_536

export interface Arena {
  memory: WebAssembly.Memory
  /**
   * Takes a block, aligned to 16 bytes. Its content is arbitrary. The memory may grow: typed arrays over `memory.buffer` that
   * were made before are then empty and must be made again.
   * @throws InputError where the memory cannot be had
   */
  take(bytes: number): number
  /** Gives a block back. */
  give(pointer: number): void
}

/** @param bytes taken from the start, so that memory need not grow for them */
export function arena(bytes = 0): Arena {
  const taken = new Map<number, number>()
  let free: { pointer: number; bytes: number }[] = []
  // 0 is never given out, so that a pointer of 0 can mean "none".
  let end = 16
  const pages = Math.ceil((bytes + end) / pageBytes)
  let memory: WebAssembly.Memory
  try {
    memory = new WebAssembly.Memory({ initial: Math.min(pages, mostPages) })
  } catch {
    throw tooMuch(bytes)
  }
  return {
    memory,
    take(wanted) {
      const size = Math.ceil(Math.max(1, wanted) / 16) * 16
      const fits = free.filter(block => block.bytes >= size).sort((a, b) => a.bytes - b.bytes)[0]
      if (fits) {
        free = free.filter(block => block !== fits)
        taken.set(fits.pointer, fits.bytes)
        return fits.pointer
      }
      const missing = Math.ceil((end + size - memory.buffer.byteLength) / pageBytes)
      if (missing > 0) {
        try {
          memory.grow(missing)
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
      free.push({ pointer, bytes: size })
      // Free blocks at the end become unused memory again.
      for (;;) {
        const last = free.find(block => block.pointer + block.bytes === end)
        if (!last) return
        free = free.filter(block => block !== last)
        end = last.pointer
      }
    },
  }
}

function tooMuch(bytes: number): InputError {
  const found = `${Math.ceil(bytes / 1e6).toLocaleString('en')} MB`
  return new InputError('memory', found, 'less', `not enough memory: ${found} more are needed`)
}

const compiled = new Map<string, WebAssembly.Module>()

/**
 * Starts a module (as base64, made by scripts/build-wasm.mjs) on an arena's memory. Its functions work on pointers.
 *
 * @param base64 the module, or several of which the first that this host accepts is taken: relaxed SIMD before plain
 */
export function instantiate<Exports>(base64: string | string[], { memory }: Arena): Exports {
  const builds = typeof base64 === 'string' ? [base64] : base64
  const module = compiled.get(builds[0]) ?? compileFirst(builds)
  return new WebAssembly.Instance(module, { env: { memory } }).exports as Exports
}

function compileFirst(builds: string[]): WebAssembly.Module {
  const binaries = builds.map(build => Uint8Array.from(atob(build), letter => letter.charCodeAt(0)))
  const accepted = binaries.find(binary => WebAssembly.validate(binary))
  if (!accepted) throw new Error('this host has no WebAssembly SIMD')
  const module = new WebAssembly.Module(accepted)
  compiled.set(builds[0], module)
  return module
}
