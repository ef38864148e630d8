/**
 * The least of some numbers that, with all that are no greater, has a weight of at least `target`: with a target of half the weight the
 * lower median. O(n) on average (Hoare's quickselect). Numbers and weights are put in another order.
 *
 * @param weights above 0; default all 1
 */
export function weightedSelect(values: Float64Array, target: number, weights?: Float64Array): number {
  let low = 0
  let high = values.length
  let before = 0
  let seed = 1
  let pivot = values[0]
  while (low < high) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    pivot = values[low + Math.floor((seed / 2 ** 32) * (high - low))]
    let less = 0
    let equal = 0
    let [end, at, start] = [low, low, high]
    while (at < start) {
      const value = values[at]
      const weight = weights ? weights[at] : 1
      if (value < pivot) {
        less += weight
        swap(end++, at++)
      } else if (value > pivot) swap(at, --start)
      else {
        equal += weight
        at++
      }
    }
    if (before + less >= target) high = end
    else if (before + less + equal >= target) return pivot
    else {
      before += less + equal
      low = start
    }
  }
  return pivot

  function swap(a: number, b: number): void {
    const value = values[a]
    values[a] = values[b]
    values[b] = value
    if (!weights) return
    const weight = weights[a]
    weights[a] = weights[b]
    weights[b] = weight
  }
}
