// Rows of floats that all are compared with one: in panels of sixteen, whose numbers lie column by column, so that each column of the
// one is spread over a register once for sixteen rows. Plain SIMD only: the same bits on every machine.

export const panelRows: u32 = 16

@inline
export function panelBytes(columns: u32): usize {
  return (<usize>columns) << 6
}

/** Where the first number of a row is; the next ones follow 64 bytes apart. */
@inline
export function rowInPanels(panels: usize, columns: u32, row: u32): usize {
  return panels + <usize>(row >> 4) * panelBytes(columns) + ((<usize>(row & 15)) << 2)
}

/**
 * How far a row is from the sixteen of a panel: 0 squared distance, 1 sum of absolute differences, 2 the greatest of them.
 *
 * @param row as `rowInPanels` gives it
 * @param out sixteen floats
 */
export function panelMeasures(panel: usize, row: usize, columns: u32, measure: u32, out: usize): void {
  let a = f32x4.splat(0)
  let b = f32x4.splat(0)
  let c = f32x4.splat(0)
  let d = f32x4.splat(0)
  const end = panel + panelBytes(columns)
  if (measure == 0)
    for (; panel < end; panel += 64) {
      const x = v128.load32_splat(row)
      const da = f32x4.sub(x, v128.load(panel))
      a = f32x4.add(a, f32x4.mul(da, da))
      const db = f32x4.sub(x, v128.load(panel, 16))
      b = f32x4.add(b, f32x4.mul(db, db))
      const dc = f32x4.sub(x, v128.load(panel, 32))
      c = f32x4.add(c, f32x4.mul(dc, dc))
      const dd = f32x4.sub(x, v128.load(panel, 48))
      d = f32x4.add(d, f32x4.mul(dd, dd))
      row += 64
    }
  else if (measure == 1)
    for (; panel < end; panel += 64) {
      const x = v128.load32_splat(row)
      a = f32x4.add(a, f32x4.abs(f32x4.sub(x, v128.load(panel))))
      b = f32x4.add(b, f32x4.abs(f32x4.sub(x, v128.load(panel, 16))))
      c = f32x4.add(c, f32x4.abs(f32x4.sub(x, v128.load(panel, 32))))
      d = f32x4.add(d, f32x4.abs(f32x4.sub(x, v128.load(panel, 48))))
      row += 64
    }
  else
    for (; panel < end; panel += 64) {
      const x = v128.load32_splat(row)
      a = f32x4.pmax(a, f32x4.abs(f32x4.sub(x, v128.load(panel))))
      b = f32x4.pmax(b, f32x4.abs(f32x4.sub(x, v128.load(panel, 16))))
      c = f32x4.pmax(c, f32x4.abs(f32x4.sub(x, v128.load(panel, 32))))
      d = f32x4.pmax(d, f32x4.abs(f32x4.sub(x, v128.load(panel, 48))))
      row += 64
    }
  v128.store(out, a)
  v128.store(out, b, 16)
  v128.store(out, c, 32)
  v128.store(out, d, 48)
}
