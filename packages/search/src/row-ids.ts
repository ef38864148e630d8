/** What users call the rows of an index: whole numbers that count on by themselves, or numbers, bigints or strings of their own. */
import { InputError } from '@offprint/kernels'

/** A number is a whole one from 0 to 2³² − 2, a bigint from 0 to 2⁶⁴ − 2. */
export type HnswId = number | bigint | string

/** Ids in a list: as typed arrays where they are numbers. */
export type IdList<Id extends HnswId> = [Id] extends [number]
  ? Uint32Array
  : [Id] extends [bigint]
    ? BigUint64Array
    : Id[]

/** `sequence`: a row's place is its id. */
export const idKinds = ['sequence', 'number', 'bigint', 'string'] as const
export type IdKind = (typeof idKinds)[number]

const absent = 0xffff_ffff
const mostNumber = absent - 1
const mostBigint = 2n ** 64n - 2n
/** In the table of rows by id: nothing was ever here; something was. */
const [empty, gone] = [-1, -2]

/** Ids by row and rows by id. Rows are places in the index; ids are what they are called. */
export class RowIds {
  kind: IdKind
  /** The id that the next row gets if it brings none. */
  next = 0
  #list: Uint32Array | BigUint64Array | string[] = new Uint32Array(0)
  /** Rows by hash of their id, made when it is first asked for: open addressing, at most half full. */
  #table: Int32Array | undefined
  #used = 0

  constructor(kind: IdKind = 'sequence') {
    this.kind = kind
    this.#list = emptyList(kind, 0)
  }

  /** Of which kind ids are. @throws InputError for an id that cannot be one, or is of another kind than the first */
  static kindOf(ids: ArrayLike<HnswId>, before: IdKind | undefined, field = 'ids'): IdKind {
    const kind = typeof ids[0] === 'number' ? 'number' : typeof ids[0] === 'bigint' ? 'bigint' : 'string'
    const had = before === 'sequence' ? 'number' : (before ?? kind)
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at]
      const fits =
        kind === 'number'
          ? Number.isInteger(id) && (id as number) >= 0 && (id as number) <= mostNumber
          : kind === 'bigint'
            ? typeof id === 'bigint' && id >= 0n && id <= mostBigint
            : typeof id === 'string' && id !== ''
      if (fits && kind === had) continue
      const expected: Record<string, string> = {
        number: 'whole numbers from 0 to 4294967294',
        bigint: 'bigints below 2⁶⁴ − 1',
        string: 'strings that are not empty',
      }
      throw new InputError(
        field,
        typeof id === 'string' ? `'${id}'` : String(id),
        fits ? `of one kind: ${expected[had]}` : expected[kind],
      )
    }
    return kind
  }

  /** The id of a row. */
  at(row: number): HnswId {
    return this.kind === 'sequence' ? row : this.#list[row]
  }

  /** Ids of rows, `absent` ones among them. */
  many(rows: Uint32Array): Uint32Array | BigUint64Array | string[] {
    if (this.kind === 'sequence') return rows
    if (this.kind === 'string') return Array.from(rows, row => (row === absent ? '' : (this.#list[row] as string)))
    const list = this.#list
    if (list instanceof BigUint64Array)
      return BigUint64Array.from(rows as unknown as bigint[], row =>
        Number(row) === absent ? mostBigint + 1n : list[Number(row)],
      )
    return rows.map(row => (row === absent ? absent : (list[row] as number)))
  }

  /** The row that has an id. @param isThere of a row whether it counts */
  rowOf(id: HnswId, rows: number, isThere: (row: number) => boolean): number | undefined {
    if (this.kind === 'sequence') {
      const row = Number.isInteger(id) && (id as number) >= 0 && (id as number) < rows ? (id as number) : -1
      return row >= 0 && isThere(row) ? row : undefined
    }
    this.#table ??= this.#makeTable(rows, isThere)
    const row = this.#table[this.#find(id)]
    return row >= 0 ? row : undefined
  }

  /** Calls a row by an id. */
  set(row: number, id: HnswId): void {
    if (this.kind === 'sequence') {
      if (row === id) return
      throw new Error('a sequence of ids was broken')
    }
    if (row >= this.#list.length) this.#grow(row + 1)
    this.#list[row] = id as never
    if (!this.#table) return
    if (2 * (this.#used + 1) > this.#table.length) {
      // Without what has gone, and with room to grow.
      const rows = this.#table.filter(row => row >= 0)
      this.#table = undefined
      this.#table = this.#tableOf([...rows, row])
      return
    }
    const at = this.#find(id)
    if (this.#table[at] === empty) this.#used++
    this.#table[at] = row
  }

  /** A row is no longer called what it was. */
  remove(row: number): void {
    if (this.kind === 'sequence' || !this.#table) return
    const at = this.#find(this.#list[row])
    if (this.#table[at] === row) this.#table[at] = gone
  }

  /** The same, by its id. */
  forget(id: HnswId): void {
    if (this.kind === 'sequence' || !this.#table) return
    const at = this.#find(id)
    if (this.#table[at] >= 0) this.#table[at] = gone
  }

  /** From now on ids are of a kind, not the rows' places. */
  becomeOwn(kind: IdKind, rows: number): void {
    if (this.kind !== 'sequence') return
    this.kind = kind
    this.#list = emptyList(kind, rows)
    if (this.#list instanceof Uint32Array) for (let row = 0; row < rows; row++) this.#list[row] = row
  }

  /** Rows change their places. @param order by new place, the old */
  permute(order: Uint32Array): void {
    const before = this.#list
    this.#list = emptyList(this.kind, order.length)
    for (let row = 0; row < order.length; row++) this.#list[row] = before[order[row]] as never
    this.#table = undefined
  }

  /** Bytes that ids take, without the characters of strings. */
  get bytes(): number {
    const list = Array.isArray(this.#list) ? 8 * this.#list.length : this.#list.byteLength
    return (this.kind === 'sequence' ? 0 : list) + (this.#table?.byteLength ?? 0)
  }

  /** The ids of the first rows, for the file. */
  toBytes(rows: number): Uint8Array {
    if (this.kind === 'sequence') return new Uint8Array(0)
    if (this.#list.length < rows) this.#grow(rows)
    const list = this.#list.slice(0, rows)
    if (Array.isArray(list)) return new TextEncoder().encode(JSON.stringify(Array.from(list, id => id ?? '')))
    return new Uint8Array(list.buffer, list.byteOffset, list.byteLength)
  }

  /** @returns false where the bytes are not ids of so many rows */
  fromBytes(bytes: Uint8Array, rows: number): boolean {
    if (this.kind === 'string') {
      try {
        const list = JSON.parse(new TextDecoder().decode(bytes))
        if (!Array.isArray(list) || list.length !== rows || list.some(id => typeof id !== 'string')) return false
        this.#list = list
        return true
      } catch {
        return false
      }
    }
    const size = { sequence: 0, number: 4, bigint: 8 }[this.kind]
    if (bytes.length !== size * rows) return false
    const { buffer } = bytes.slice()
    if (this.kind !== 'sequence')
      this.#list = this.kind === 'number' ? new Uint32Array(buffer) : new BigUint64Array(buffer)
    return true
  }

  #grow(rows: number): void {
    if (Array.isArray(this.#list)) return
    const grown = emptyList(this.kind, Math.max(rows, Math.ceil(this.#list.length * 1.5)))
    ;(grown as Uint32Array).set(this.#list as Uint32Array)
    this.#list = grown
  }

  #makeTable(rows: number, isThere: (row: number) => boolean): Int32Array {
    const there: number[] = []
    for (let row = 0; row < rows; row++) if (isThere(row)) there.push(row)
    return this.#tableOf(there)
  }

  #tableOf(rows: number[]): Int32Array {
    const table = new Int32Array(2 ** Math.ceil(Math.log2(4 * (rows.length + 4)))).fill(empty)
    this.#table = table
    for (const row of rows) table[this.#find(this.#list[row])] = row
    this.#used = rows.length
    return table
  }

  /** Where an id stands in the table, or where it would. */
  #find(id: HnswId): number {
    const table = this.#table!
    const mask = table.length - 1
    let free = -1
    for (let at = hash(id) & mask; ; at = (at + 1) & mask) {
      const row = table[at]
      if (row === empty) return free >= 0 ? free : at
      if (row === gone) {
        if (free < 0) free = at
      } else if (this.#list[row] === id) return at
    }
  }
}

function emptyList(kind: IdKind, rows: number): Uint32Array | BigUint64Array | string[] {
  if (kind === 'string') return []
  return kind === 'bigint' ? new BigUint64Array(rows) : new Uint32Array(kind === 'sequence' ? 0 : rows)
}

function hash(id: HnswId): number {
  let value = 0x811c_9dc5
  if (typeof id === 'string')
    for (let at = 0; at < id.length; at++) value = Math.imul(value ^ id.charCodeAt(at), 0x0100_0193)
  else if (typeof id === 'bigint') value = Number(BigInt.asUintN(32, id ^ (id >> 32n)))
  else value = id
  value = Math.imul(value ^ (value >>> 16), 0x45d9_f3b)
  value = Math.imul(value ^ (value >>> 16), 0x45d9_f3b)
  return (value ^ (value >>> 16)) >>> 0
}
