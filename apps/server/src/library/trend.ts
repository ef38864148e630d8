/**
 * What is trending: votes that count half after 36 hours. A paper's number never needs to be refreshed, because it is the
 * logarithm of its votes' weights as they would be seen from one fixed moment: L = log2 Σ w·2^(t/h). The order is the same at
 * any later time.
 */
import type { DatabaseSync } from 'node:sqlite'

const halfLifeHours = 36
const epoch = Date.UTC(2020, 0, 1)
const weights = { arrival: 0.5, vote: 1, list: 0.5, run: 0.25 }

/** log2(w·2^(t/h)) of one event; times to come count as now. */
function term(moment: string, weight: number): number {
  const time = Math.min(Date.parse(moment), Date.now())
  return Math.log2(weight) + (time - epoch) / 3_600_000 / halfLifeHours
}

/** Of a paper that nobody has voted for: so that a quiet day has an order, too. */
export function startTrend(submittedAt: string): number {
  return term(submittedAt, weights.arrival)
}

/** log2 of the sum of powers of two, without ever computing one that is too large. */
export function log2Sum(terms: number[]): number {
  const highest = Math.max(...terms)
  return highest + Math.log2(terms.reduce((sum, one) => sum + 2 ** (one - highest), 0))
}

/** (v − 1)^0.8 / (h + 2)^1.8 of votes and hours, as Hacker News is said to order. */
export function hotness(votes: number, hours: number): number {
  return Math.max(0, votes - 1) ** 0.8 / (Math.max(0, hours) + 2) ** 1.8
}

export function openTrend(database: DatabaseSync) {
  const arrival = database.prepare('SELECT submittedAt FROM papers WHERE position = ?')
  const votes = database.prepare('SELECT votedAt AS at FROM marks WHERE position = ? AND votedAt IS NOT NULL')
  // One reader: saved to three lists is saved once.
  const lists = database.prepare('SELECT min(at) AS at FROM listed WHERE position = ? HAVING at IS NOT NULL')
  const runs = database.prepare('SELECT day AS at FROM ran WHERE position = ?')
  const save = database.prepare('UPDATE papers SET trend = ? WHERE position = ?')

  return {
    /** Counts again what there is: so that taking a vote back leaves nothing of it. */
    refresh(position: number): void {
      const terms = [startTrend(String(arrival.get(position)?.submittedAt))]
      const add = (rows: Record<string, unknown>[], weight: number) =>
        terms.push(...rows.map(row => term(String(row.at), weight)))
      add(votes.all(position), weights.vote)
      add(lists.all(position), weights.list)
      add(runs.all(position), weights.run)
      save.run(log2Sum(terms), position)
    },
  }
}
