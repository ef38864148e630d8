/** The k-medoids family written down as plainly as can be, to compare the engine with. */

/** `row[j][o]` is d(o, j). */
export type Rows = number[][]

export function totalDeviation(rows: Rows, medoids: readonly number[], weights: readonly number[]): number {
  return weights.reduce((sum, weight, object) => {
    // A medoid belongs to itself, at no distance.
    const nearest = medoids.includes(object) ? 0 : Math.min(...medoids.map(medoid => rows[medoid][object]))
    return sum + weight * nearest
  }, 0)
}

/** The best of all swaps: least total deviation, then lowest candidate, then lowest slot. */
export function bestSwap(rows: Rows, medoids: readonly number[], weights: readonly number[]) {
  let best = { total: totalDeviation(rows, medoids, weights), slot: -1, object: -1 }
  for (let object = 0; object < rows.length; object++) {
    if (medoids.includes(object)) continue
    for (let slot = 0; slot < medoids.length; slot++) {
      const total = totalDeviation(rows, medoids.with(slot, object), weights)
      if (total < best.total) best = { total, slot, object }
    }
  }
  return best
}

/** PAM's swaps from a start, each the best of all. */
export function pamByHand(rows: Rows, start: readonly number[], weights: readonly number[]) {
  let medoids = [...start]
  const trace = [totalDeviation(rows, medoids, weights)]
  for (;;) {
    const { total, slot, object } = bestSwap(rows, medoids, weights)
    if (slot < 0) return { medoids, trace }
    medoids = medoids.with(slot, object)
    trace.push(total)
  }
}

/** BUILD; of equal candidates the first. */
export function buildByHand(rows: Rows, k: number, weights: readonly number[]): number[] {
  const medoids: number[] = []
  while (medoids.length < k) {
    let best = -1
    let least = Infinity
    for (let object = 0; object < rows.length; object++) {
      if (medoids.includes(object)) continue
      const total = weights.reduce(
        (sum, weight, other) => sum + weight * Math.min(...[...medoids, object].map(medoid => rows[medoid][other])),
        0,
      )
      if (total < least) {
        least = total
        best = object
      }
    }
    medoids.push(best)
  }
  return medoids
}
