/** "Did you mean": words of a query that no paper has, and the word of the library that is closest to each. */
import type { DatabaseSync } from 'node:sqlite'
import type { Query } from './query.ts'
import { tokens } from './search-text.ts'

const shortest = 4
const longest = 30

export function openSuggestions(database: DatabaseSync) {
  database.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, search, row)`)
  const papersWith = database.prepare('SELECT doc FROM temp.vocabulary WHERE term = ?')
  const beginning = database.prepare(
    'SELECT term, doc FROM temp.vocabulary WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ?',
  )

  /** The known word that is one or two slips away, the most frequent one among the closest. */
  function closest(word: string): string | undefined {
    const most = word.length < 7 ? 1 : 2
    let best: { word: string; distance: number; papers: number } | undefined
    // The first letter is rarely wrong, but may have changed places with the second.
    for (const first of new Set([word[0], word[1]])) {
      const rows = beginning.all(first, `${first}\u{10ffff}`, word.length - most, word.length + most)
      for (const { term, doc } of rows) {
        const known = String(term)
        const distance = editDistance(word, known, most)
        const papers = Number(doc)
        if (distance === undefined || known === word) continue
        if (!best || distance < best.distance || (distance === best.distance && papers > best.papers))
          best = { word: known, distance, papers }
      }
    }
    return best?.word
  }

  return ({ text, terms }: Query): { suggestion?: string } => {
    // A word that the library has in another form was not mistyped.
    const isKnown = (word: string) => Boolean(papersWith.get(word))
    const asked = new Set(
      terms.filter(({ unfinished, forms }) => !unfinished && !forms.some(isKnown)).flatMap(term => term.sequences[0]),
    )
    let suggestion = ''
    let at = 0
    for (const token of tokens(text)) {
      const word = token.folded
      if (!asked.has(word) || word.length < shortest || word.length > longest || isKnown(word)) continue
      const known = closest(word)
      if (!known) continue
      suggestion += text.slice(at, token.start) + known
      at = token.end
    }
    return at ? { suggestion: suggestion + text.slice(at) } : {}
  }
}

/**
 * Letters that must be put in, taken out, changed, or swapped with their neighbour (optimal string alignment).
 *
 * @returns undefined where they are more than `most`
 */
export function editDistance(a: string, b: string, most: number): number | undefined {
  if (Math.abs(a.length - b.length) > most) return undefined
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const now = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      now[column] = Math.min(above[column] + 1, now[column - 1] + 1, above[column - 1] + (same ? 0 : 1))
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        now[column] = Math.min(now[column], before[column - 2] + 1)
    }
    if (Math.min(...now) > most) return undefined
    before = above
    above = now
  }
  return above[b.length] <= most ? above[b.length] : undefined
}
