// Minimum spanning tree by Prim's method, without a matrix: each row that joins the tree is compared with all that have not. Memory is
// the caller's: every pointer is given.
import { panelBytes, panelMeasures, panelRows, rowInPanels } from './inline/panels'

let columns: u32
let measure: u32
/** Rows that have not joined, in order; those that have are closed up now and then. */
let panels: usize
let inPanels: u32
let gone: u32
let left: u32
/** u32: row number of each row of the panels. */
let ids: usize
/** Floats, row by row of the panels: no distance to it is less (infinite once it has joined); least distance to the tree so far. */
let cores: usize
let nearest: usize
/** u32: the row of the tree at that distance. */
let nearestIds: usize
/** The row that joined last, 64 bytes from number to number; sixteen floats of distances. */
let current: usize
let currentId: u32
let currentCore: f32
let out: usize
/** Pairs of u32: a row of the tree, and the row that joined by it. */
let edges: usize
let joined: u32

@inline
function at4(base: usize, index: u32): usize {
  return base + ((<usize>index) << 2)
}

/** Bytes of scratch that `begin` takes beside the panels. */
export function scratchBytes(n: u32, columns_: u32): usize {
  return (<usize>((n + panelRows - 1) / panelRows) << 8) + panelBytes(columns_) + 64
}

/**
 * @param points n rows of floats, `stride` bytes from row to row
 * @param measure_ as of `panelMeasures`
 * @param cores_ n floats, below none of which a distance to the row is; 0: none
 * @param panels_ 64 × columns bytes for each sixteen rows
 */
export function begin(
  points: usize,
  stride: usize,
  n: u32,
  columns_: u32,
  measure_: u32,
  cores_: usize,
  panels_: usize,
  scratch: usize,
  edges_: usize,
): void {
  columns = columns_
  measure = measure_
  panels = panels_
  const padded = (n + panelRows - 1) / panelRows * panelRows
  ids = scratch
  cores = at4(ids, padded)
  nearest = at4(cores, padded)
  nearestIds = at4(nearest, padded)
  current = at4(nearestIds, padded)
  out = current + panelBytes(columns_)
  edges = edges_
  joined = 0
  inPanels = n
  left = n
  gone = 0
  for (let row: u32 = 0; row < padded; row++) {
    store<u32>(at4(ids, row), row)
    f32.store(at4(nearest, row), Infinity)
    f32.store(at4(cores, row), row >= n ? <f32>Infinity : cores_ ? f32.load(at4(cores_, row)) : 0)
    const source = points + <usize>min(row, n - 1) * stride
    const target = rowInPanels(panels, columns, row)
    for (let column: u32 = 0; column < columns; column++)
      f32.store(target + ((<usize>column) << 6), f32.load(at4(source, column)))
  }
  join(0)
}

/** Makes a row of the panels the last that joined. */
function join(row: u32): void {
  currentId = load<u32>(at4(ids, row))
  currentCore = f32.load(at4(cores, row))
  const source = rowInPanels(panels, columns, row)
  for (let column: usize = 0, end = panelBytes(columns); column < end; column += 64)
    f32.store(current + column, f32.load(source + column))
  f32.store(at4(cores, row), Infinity)
  f32.store(at4(nearest, row), Infinity)
  left--
  gone++
  if (gone > 64 && gone * 8 > inPanels) compact()
}

function compact(): void {
  let kept: u32 = 0
  for (let row: u32 = 0; row < inPanels; row++) {
    if (f32.load(at4(cores, row)) == Infinity) continue
    if (kept != row) {
      store<u32>(at4(ids, kept), load<u32>(at4(ids, row)))
      f32.store(at4(cores, kept), f32.load(at4(cores, row)))
      f32.store(at4(nearest, kept), f32.load(at4(nearest, row)))
      store<u32>(at4(nearestIds, kept), load<u32>(at4(nearestIds, row)))
      const source = rowInPanels(panels, columns, row)
      const target = rowInPanels(panels, columns, kept)
      for (let column: usize = 0, end = panelBytes(columns); column < end; column += 64)
        f32.store(target + column, f32.load(source + column))
    }
    kept++
  }
  inPanels = kept
  gone = 0
  for (; kept % panelRows; kept++) {
    f32.store(at4(cores, kept), Infinity)
    f32.store(at4(nearest, kept), Infinity)
  }
}

/** So many more rows join. Of equally near ones the first does. @returns rows that are left */
export function run(rows: u32): u32 {
  const bytes = panelBytes(columns)
  for (; rows > 0 && left > 0; rows--) {
    const core = f32x4.splat(currentCore)
    const id = i32x4.splat(currentId)
    let low = f32x4.splat(Infinity)
    let lowRows = i32x4.splat(0)
    const panelCount = (inPanels + panelRows - 1) / panelRows
    for (let panel: u32 = 0; panel < panelCount; panel++) {
      panelMeasures(panels + <usize>panel * bytes, current, columns, measure, out)
      for (let lane: u32 = 0; lane < 16; lane += 4) {
        const row = panel * panelRows + lane
        const value = f32x4.pmax(f32x4.pmax(v128.load(at4(out, lane)), core), v128.load(at4(cores, row)))
        const before = v128.load(at4(nearest, row))
        const nearer = f32x4.lt(value, before)
        const least = v128.bitselect(value, before, nearer)
        v128.store(at4(nearest, row), least)
        const target = at4(nearestIds, row)
        v128.store(target, v128.bitselect(id, v128.load(target), nearer))
        const lower = f32x4.lt(least, low)
        low = v128.bitselect(least, low, lower)
        lowRows = v128.bitselect(i32x4.splat(row), lowRows, lower)
      }
    }
    let least: f32 = Infinity
    let found: u32 = 0
    for (let lane: u32 = 0; lane < 4; lane++) {
      v128.store(out, low)
      v128.store(out, lowRows, 16)
      const value = f32.load(at4(out, lane))
      const row = load<u32>(at4(out, lane), 16) + lane
      if (value < least || (value == least && row < found)) {
        least = value
        found = row
      }
    }
    store<u32>(edges + ((<usize>joined) << 3), load<u32>(at4(nearestIds, found)))
    store<u32>(edges + ((<usize>joined) << 3), load<u32>(at4(ids, found)), 4)
    joined++
    join(found)
  }
  return left
}
