// The hot loops of the k-medoids family. Names and steps follow section 3 of arXiv 2008.05171: `near` and `sec` are the slots
// of an object's nearest and second nearest medoid, `dn` and `ds` the distances to them. All memory is the caller's.

let n: i32
let k: i32
/** n × n floats; row j holds d(o, j) for all objects o. */
let rows: usize
/** k × i32: object of each slot. */
let med: usize
/** n × i32 each. */
let near: usize
let sec: usize
/** n × f32 each. */
let dn: usize
let ds: usize
/** n × f64, or 0 where all weights are 1. */
let weights: usize
/** k × f64 each: what removing a medoid costs, and the change that a swap with it brings. */
let removal: usize
let loss: usize
/** n × u8: whether an object is a medoid. */
let isMedoid: usize
/** n × i32: the order in which candidates are tried. */
let order: usize
/** A swap counts only if it lowers the total deviation by more than this share of it. */
let tolerance: f64

/** Total deviation: the weighted sum of all distances to the nearest medoid. */
let total: f64 = 0
/** Position in `order` of the last swap, −1 before the first. */
let last: i32 = -1
/** Best swap of a full round. */
let bestChange: f64 = 0
let bestSlot: i32 = -1
let bestObject: i32 = -1
/** Slot of the latest `evaluate`. */
let slotFound: i32 = 0

export function setUp(
  n_: i32,
  k_: i32,
  rows_: usize,
  med_: usize,
  near_: usize,
  sec_: usize,
  dn_: usize,
  ds_: usize,
  weights_: usize,
  removal_: usize,
  loss_: usize,
  isMedoid_: usize,
  order_: usize,
  tolerance_: f64,
): void {
  n = n_
  k = k_
  rows = rows_
  med = med_
  near = near_
  sec = sec_
  dn = dn_
  ds = ds_
  weights = weights_
  removal = removal_
  loss = loss_
  isMedoid = isMedoid_
  order = order_
  tolerance = tolerance_
}

export function totalDeviation(): f64 {
  return total
}

@inline
function weight(o: i32): f64 {
  return weights == 0 ? 1 : f64.load(weights + ((<usize>o) << 3))
}

@inline
function row(j: i32): usize {
  return rows + (((<usize>j) * n) << 2)
}

@inline
function at(pointer: usize, o: i32): f32 {
  return f32.load(pointer + ((<usize>o) << 2))
}

@inline
function slot(pointer: usize, o: i32): i32 {
  return i32.load(pointer + ((<usize>o) << 2))
}

@inline
function put(pointer: usize, o: i32, value: f32): void {
  f32.store(pointer + ((<usize>o) << 2), value)
}

@inline
function putSlot(pointer: usize, o: i32, value: i32): void {
  i32.store(pointer + ((<usize>o) << 2), value)
}

/** Nearest and second nearest medoid of every object; the lowest slot wins ties, but a medoid belongs to its own slot. */
export function assign(): void {
  for (let o = 0; o < n; o++) {
    put(dn, o, Infinity)
    put(ds, o, Infinity)
    putSlot(near, o, 0)
    putSlot(sec, o, 0)
  }
  memory.fill(isMedoid, 0, n)
  for (let m = 0; m < k; m++) {
    const from = row(slot(med, m))
    store<u8>(isMedoid + slot(med, m), 1)
    for (let o = 0; o < n; o++) {
      const v = at(from, o)
      if (v < at(dn, o)) {
        put(ds, o, at(dn, o))
        putSlot(sec, o, slot(near, o))
        put(dn, o, v)
        putSlot(near, o, m)
      } else if (v < at(ds, o)) {
        put(ds, o, v)
        putSlot(sec, o, m)
      }
    }
  }
  for (let m = 0; m < k; m++) {
    const o = slot(med, m)
    if (slot(near, o) == m) continue
    putSlot(sec, o, slot(near, o))
    put(ds, o, at(dn, o))
    putSlot(near, o, m)
    put(dn, o, 0)
  }
  last = -1
  summarise()
}

/** Total deviation and the cost of each removal, summed anew so that nothing drifts. */
function summarise(): void {
  memory.fill(removal, 0, (<usize>k) << 3)
  let sum: f64 = 0
  for (let o = 0; o < n; o++) {
    const w = weight(o)
    const d = <f64>at(dn, o)
    sum += w * d
    const where = removal + ((<usize>slot(near, o)) << 3)
    f64.store(where, f64.load(where) + w * (<f64>at(ds, o) - d))
  }
  total = sum
}

@inline
function account(o: i32, v: f32, acc: f64): f64 {
  const d = at(dn, o)
  const w = weight(o)
  const where = loss + ((<usize>slot(near, o)) << 3)
  if (v < d) {
    f64.store(where, f64.load(where) + w * (<f64>d - <f64>at(ds, o)))
    return acc + w * (<f64>v - <f64>d)
  }
  f64.store(where, f64.load(where) + w * (<f64>v - <f64>at(ds, o)))
  return acc
}

/** Change of the total deviation by the best swap that brings object j in; `slotFound` is the slot that goes out. */
function evaluate(j: i32): f64 {
  memory.copy(loss, removal, (<usize>k) << 3)
  const from = row(j)
  let acc: f64 = 0
  let o: i32 = 0
  // Few objects are nearer to j than to their second medoid: 16 are compared at once, and only those that are go on.
  for (; o + 16 <= n; o += 16) {
    const v = from + ((<usize>o) << 2)
    const s = ds + ((<usize>o) << 2)
    const low = i16x8.narrow_i32x4_s(
      f32x4.lt(v128.load(v), v128.load(s)),
      f32x4.lt(v128.load(v, 16), v128.load(s, 16)),
    )
    const high = i16x8.narrow_i32x4_s(
      f32x4.lt(v128.load(v, 32), v128.load(s, 32)),
      f32x4.lt(v128.load(v, 48), v128.load(s, 48)),
    )
    let hits = i8x16.bitmask(i8x16.narrow_i16x8_s(low, high))
    while (hits != 0) {
      const hit = o + ctz(hits)
      acc = account(hit, at(from, hit), acc)
      hits &= hits - 1
    }
  }
  for (; o < n; o++) {
    const v = at(from, o)
    if (v < at(ds, o)) acc = account(o, v, acc)
  }
  return acc + leastLoss()
}

/** The first least entry of `loss`. */
function leastLoss(): f64 {
  let a = v128.load(loss)
  if (k >= 8) {
    let b = v128.load(loss, 16)
    let c = v128.load(loss, 32)
    let d = v128.load(loss, 48)
    let m: i32 = 8
    for (; m + 8 <= k; m += 8) {
      const p = loss + ((<usize>m) << 3)
      a = f64x2.pmin(a, v128.load(p))
      b = f64x2.pmin(b, v128.load(p, 16))
      c = f64x2.pmin(c, v128.load(p, 32))
      d = f64x2.pmin(d, v128.load(p, 48))
    }
    a = f64x2.pmin(f64x2.pmin(a, b), f64x2.pmin(c, d))
    let least = min(f64x2.extract_lane(a, 0), f64x2.extract_lane(a, 1))
    for (; m < k; m++) least = min(least, f64.load(loss + ((<usize>m) << 3)))
    return least
  }
  let least = f64.load(loss)
  for (let m = 1; m < k; m++) least = min(least, f64.load(loss + ((<usize>m) << 3)))
  return least
}

function slotOf(least: f64): i32 {
  for (let m = 0; m < k; m++) if (f64.load(loss + ((<usize>m) << 3)) == least) return m
  return 0
}

/** Second nearest medoid of o, given that slot `nearest` is the nearest. */
function findSecond(o: i32, nearest: i32): void {
  let least: f32 = Infinity
  let found: i32 = nearest
  for (let m = 0; m < k; m++) {
    if (m == nearest) continue
    const v = at(row(slot(med, m)), o)
    if (v < least) {
      least = v
      found = m
    }
  }
  put(ds, o, least)
  putSlot(sec, o, found)
}

/** Puts object j into slot i. */
function swap(i: i32, j: i32): void {
  store<u8>(isMedoid + slot(med, i), 0)
  store<u8>(isMedoid + j, 1)
  putSlot(med, i, j)
  const from = row(j)
  for (let o = 0; o < n; o++) {
    const v = at(from, o)
    const nearest = slot(near, o)
    if (o == j) {
      if (nearest != i) {
        putSlot(sec, o, nearest)
        put(ds, o, at(dn, o))
      }
      putSlot(near, o, i)
      put(dn, o, 0)
    } else if (nearest == i) {
      if (v < at(ds, o)) put(dn, o, v)
      else {
        putSlot(near, o, slot(sec, o))
        put(dn, o, at(ds, o))
        findSecond(o, slot(sec, o))
      }
    } else if (v < at(dn, o)) {
      putSlot(sec, o, nearest)
      put(ds, o, at(dn, o))
      putSlot(near, o, i)
      put(dn, o, v)
    } else if (v < at(ds, o)) {
      putSlot(sec, o, i)
      put(ds, o, v)
    } else if (slot(sec, o) == i) findSecond(o, nearest)
  }
  summarise()
}

/**
 * FasterPAM: tries the candidates at positions `from` to `to − 1` of the order and makes the first swap that helps.
 * Gives back the position after it, or `to` where none helped, or −1 where a whole round has passed since the last swap.
 */
export function sweep(from: i32, to: i32): i32 {
  for (let p = from; p < to; p++) {
    if (p == last) return -1
    const j = slot(order, p)
    if (load<u8>(isMedoid + j)) continue
    const change = evaluate(j)
    if (change < -tolerance * total) {
      // `evaluate` gives change = acc + least; the slot is where loss is least.
      swap(slotOf(leastLoss()), j)
      last = p
      return p + 1
    }
  }
  return to
}

export function beginRound(): void {
  bestChange = 0
  bestSlot = -1
  bestObject = -1
}

/** FastPAM1: evaluates the candidates `from` to `to − 1` and keeps the best swap of the round. */
export function evaluateRange(from: i32, to: i32): void {
  for (let j = from; j < to; j++) {
    if (load<u8>(isMedoid + j)) continue
    const change = evaluate(j)
    if (change < bestChange) {
      bestChange = change
      bestSlot = slotOf(leastLoss())
      bestObject = j
    }
  }
}

/** The original PAM: for each candidate and each medoid the change is summed over all objects. */
export function evaluatePairs(from: i32, to: i32): void {
  for (let j = from; j < to; j++) {
    if (load<u8>(isMedoid + j)) continue
    const candidate = row(j)
    for (let i = 0; i < k; i++) {
      let change: f64 = 0
      for (let o = 0; o < n; o++) {
        const v = at(candidate, o)
        const d = at(dn, o)
        if (slot(near, o) == i) change += weight(o) * (<f64>min(v, at(ds, o)) - <f64>d)
        else if (v < d) change += weight(o) * (<f64>v - <f64>d)
      }
      if (change < bestChange) {
        bestChange = change
        bestSlot = i
        bestObject = j
      }
    }
  }
}

/** Makes the round's best swap; false where none helps. */
export function swapBest(): bool {
  if (bestObject < 0 || !(bestChange < -tolerance * total)) return false
  swap(bestSlot, bestObject)
  return true
}

/** BUILD, first medoid: weighted sums of the rows `from` to `to − 1`, into `sums`. */
export function rowSums(from: i32, to: i32, sums: usize): void {
  for (let j = from; j < to; j++) {
    const candidate = row(j)
    let sum: f64 = 0
    if (weights != 0) for (let o = 0; o < n; o++) sum += weight(o) * <f64>at(candidate, o)
    else {
      let a = f64x2.splat(0)
      let b = f64x2.splat(0)
      let o: i32 = 0
      for (; o + 4 <= n; o += 4) {
        const v = v128.load(candidate + ((<usize>o) << 2))
        a = f64x2.add(a, f64x2.promote_low_f32x4(v))
        b = f64x2.add(b, f64x2.promote_low_f32x4(i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)))
      }
      a = f64x2.add(a, b)
      sum = f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1)
      for (; o < n; o++) sum += <f64>at(candidate, o)
    }
    f64.store(sums + ((<usize>j) << 3), sum)
  }
}

/** BUILD, further medoids: what object j as a new medoid would change, for `from` to `to − 1`, into `sums`. Reads `dn`. */
export function buildGains(from: i32, to: i32, sums: usize): void {
  for (let j = from; j < to; j++) {
    const candidate = row(j)
    let acc: f64 = 0
    let o: i32 = 0
    for (; o + 4 <= n; o += 4) {
      let hits = i32x4.bitmask(
        f32x4.lt(v128.load(candidate + ((<usize>o) << 2)), v128.load(dn + ((<usize>o) << 2))),
      )
      while (hits != 0) {
        const hit = o + ctz(hits)
        acc += weight(hit) * (<f64>at(candidate, hit) - <f64>at(dn, hit))
        hits &= hits - 1
      }
    }
    for (; o < n; o++)
      if (at(candidate, o) < at(dn, o)) acc += weight(o) * (<f64>at(candidate, o) - <f64>at(dn, o))
    f64.store(sums + ((<usize>j) << 3), acc)
  }
}

/** Lowers `dn` to the distances to a new medoid. */
export function lowerTo(j: i32): void {
  const from = row(j)
  for (let o = 0; o < n; o++) if (at(from, o) < at(dn, o)) put(dn, o, at(from, o))
}

/** Weighted sums of the distances from each of `count` members to all of them, for members `from` to `to − 1`. */
export function memberSums(members: usize, count: i32, from: i32, to: i32, sums: usize): void {
  for (let a = from; a < to; a++) {
    const candidate = row(slot(members, a))
    let sum: f64 = 0
    for (let b = 0; b < count; b++) {
      const o = slot(members, b)
      sum += weight(o) * <f64>at(candidate, o)
    }
    f64.store(sums + ((<usize>a) << 3), sum)
  }
}
