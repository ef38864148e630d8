/** The library's topics: papers clustered by FasterPAM on the words of their titles, summaries and abstracts. */
import { alternating, fasterPam, medoidSilhouette, resizeMedoids } from '@offprint/clustering'
import { breathe, dissimilarities, type Matrix, matrix, random } from '@offprint/kernels'
import { splitMath } from './text.ts'
import type { PaperRecord, Topic } from './types.ts'

/** Papers that are clustered; of a larger library a seeded sample is, and the rest goes to the nearest medoid. */
const mostClustered = 4000
const mostTerms = 2000
const wordsShown = 6
/** Topics stay until others have a medoid silhouette that is so much greater. */
const leastGain = 0.02
const papersBetweenPauses = 500
const seed = 1

type TopicPaper = Pick<PaperRecord, 'key' | 'title' | 'abstract' | 'summary' | 'topics'>

/**
 * Clusters papers into topics. The number of topics is the one with the highest medoid silhouette, between about ½√n and
 * 2√n and at most 40. The same papers in the same order give the same topics.
 *
 * Topics of before stay, with medoids that move within them, until others are clearly better; these then come from the same
 * medoids, with some added or taken away.
 *
 * @param papers gone through twice, so that those of a large library need not be held: an array, or what gives a new
 * iterator each time
 * @throws the signal's reason once it is aborted
 */
export async function computeTopics(
  papers: Iterable<TopicPaper>,
  { before = [], signal }: { before?: readonly Topic[]; signal?: AbortSignal } = {},
): Promise<Topic[]> {
  const known = new Set(before.map(({ medoid }) => medoid))
  const chosen = await drawSample(papers, known, signal)
  if (!chosen.length) return []
  const terms = chooseTerms(chosen.map(({ text }) => text))
  const distances = await dissimilarities(
    vectors(
      chosen.map(({ text }) => text),
      terms,
    ),
    'cosine',
    { signal },
  )
  const start = chosen.flatMap(({ key }, row) => (known.has(key) ? [row] : []))
  // One topic has no second one to be told from.
  const warm = start.length > 1 && start.length < chosen.length
  const fitOf = (medoids: Uint32Array) => medoidSilhouette(distances, medoids).mean ?? 0
  let best: { medoids: Uint32Array; fit: number } | undefined
  for (const k of new Set([...countsToTry(chosen.length), ...(warm ? [start.length] : [])])) {
    const init = warm ? await resizeMedoids(distances, start, k, { signal }) : 'build'
    const { medoids } = await fasterPam(distances, { k, init, signal })
    const fit = fitOf(medoids)
    if (!best || fit > best.fit) best = { medoids, fit }
  }
  if (warm) {
    // Medoids move within their topics only.
    const { medoids } = await alternating(distances, { k: start.length, init: start, signal })
    const fit = fitOf(medoids)
    if (fit >= best!.fit - leastGain) best = { medoids, fit }
  }
  const medoids = Array.from(best!.medoids, row => chosen[row])
  return describe(papers, terms, medoids, signal)
}

interface Chosen {
  key: string
  text: Map<string, number>
}

/** All papers or, of more than are clustered, an even sample and the known ones, in the order in which they come. */
async function drawSample(
  papers: Iterable<TopicPaper>,
  known: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<Chosen[]> {
  const { integer } = random(seed)
  const drawn: (Chosen & { at: number })[] = []
  const always: (Chosen & { at: number })[] = []
  let at = 0
  for (const paper of papers) {
    const slot = at < mostClustered ? at : integer(at + 1)
    if (known.has(paper.key)) always.push({ key: paper.key, text: termsOf(paper), at })
    else if (slot < mostClustered) drawn[slot] = { key: paper.key, text: termsOf(paper), at }
    if (at++ % papersBetweenPauses === 0) await breathe(signal)
  }
  // A known one leaves its place in the lot empty.
  return [...drawn.flatMap(one => one ?? []), ...always].sort((a, b) => a.at - b.at)
}

/** Up to eight numbers of topics between about ½√n and 2√n. */
function countsToTry(n: number): number[] {
  if (n < 6) return [1]
  const low = Math.max(2, Math.round(Math.sqrt(n) / 2))
  const high = Math.min(40, n - 1, Math.round(2 * Math.sqrt(n)))
  const step = Math.max(1, (high - low) / 7)
  return [...new Set(Array.from({ length: 8 }, (_, index) => Math.min(high, Math.round(low + index * step))))]
}

/** Puts every paper to its nearest medoid and names each topic by the words that tell it from the rest. */
async function describe(
  papers: Iterable<TopicPaper>,
  terms: Terms,
  medoids: Chosen[],
  signal: AbortSignal | undefined,
): Promise<Topic[]> {
  const size = terms.columns.size + 1
  const centres = medoids.map(({ text }) => vectorOf(text, terms))
  const positions = new Map(medoids.map(({ key }, position) => [key, position]))
  const members: { key: string; distance: number }[][] = medoids.map(() => [])
  const sums = medoids.map(() => new Float64Array(size))
  const total = new Float64Array(size)
  let count = 0
  for (const paper of papers) {
    const vector = vectorOf(termsOf(paper), terms)
    const own = positions.get(paper.key) ?? -1
    const similarity = centres.map(centre => dot(vector, centre))
    const cluster = own >= 0 ? own : similarity.indexOf(Math.max(...similarity))
    members[cluster].push({
      key: paper.key,
      distance: own >= 0 ? 0 : Math.min(1, Math.max(0, 1 - similarity[cluster])),
    })
    for (const [column, value] of vector) {
      sums[cluster][column] += value
      total[column] += value
    }
    if (++count % papersBetweenPauses === 0) await breathe(signal)
  }
  const names = [...terms.columns.keys()]
  const used = new Set<string>()
  return (
    medoids
      .map((medoid, cluster) => {
        const inside = members[cluster].length
        const outside = count - inside
        const scores = names.map((_, column) => {
          const sum = sums[cluster][column]
          return sum / inside - (outside ? (total[column] - sum) / outside : 0)
        })
        return {
          medoid: medoid.key,
          words: tellingWords(names, scores, terms),
          // Its copies are no further away, but the medoid comes first.
          members: members[cluster].sort(
            (a, b) => a.distance - b.distance || Number(b.key === medoid.key) - Number(a.key === medoid.key),
          ),
        }
      })
      // A medoid may have gone from the library since it was drawn.
      .filter(topic => topic.members.length)
      .sort((a, b) => b.members.length - a.members.length || (a.medoid < b.medoid ? -1 : 1))
      .map(topic => {
        const base =
          topic.words
            .slice(0, 2)
            .join('-')
            .replaceAll(/[^\p{L}\p{N}]+/gu, '-') || 'topic'
        let id = base
        for (let number = 2; used.has(id); number++) id = `${base}-${number}`
        used.add(id)
        return { id, ...topic }
      })
  )
}

/** The best-scored terms, none of which is part of another. */
function tellingWords(names: string[], scores: number[], { shown }: Terms): string[] {
  const words: string[] = []
  const order = scores.map((_, column) => column).sort((a, b) => scores[b] - scores[a])
  for (const column of order) {
    if (words.length === wordsShown || !(scores[column] > 0)) break
    const term = names[column]
    const parts = term.split(' ')
    if (words.some(word => word.split(' ').some(part => parts.includes(part)))) continue
    words.push(term)
  }
  return words.map(word =>
    word
      .split(' ')
      .map(part => shown.get(part) ?? part)
      .join(' '),
  )
}

interface Terms {
  /** Column of each term. */
  columns: Map<string, number>
  /** ln(n / papers with the term), by column. */
  rarity: number[]
  /** The commonest spelling of a stem. */
  shown: Map<string, string>
}

const spellings = new WeakMap<Map<string, number>, Map<string, string>>()

/** Terms of one paper with their counts: words and pairs of words; title and topics count three times. */
function termsOf({ title, abstract, summary, topics }: TopicPaper): Map<string, number> {
  const counts = new Map<string, number>()
  const spelled = new Map<string, string>()
  const add = (text: string, weight: number) => {
    let before: string | undefined
    for (const [word] of withoutFormulas(text)
      .toLowerCase()
      .matchAll(/[\p{L}][\p{L}\p{N}]*(?:[-‐‑][\p{L}\p{N}]+)*|[.,;:!?()]/gu)) {
      if (word.length < 3 || word.length > 40 || stopWords.has(word)) {
        // A pair of words does not reach over what stands between.
        before = undefined
        continue
      }
      const stem = stemOf(word)
      spelled.set(stem, word)
      counts.set(stem, (counts.get(stem) ?? 0) + weight)
      if (before) counts.set(`${before} ${stem}`, (counts.get(`${before} ${stem}`) ?? 0) + weight)
      before = stem
    }
  }
  add(title, 3)
  for (const topic of topics) add(topic, 3)
  add(summary ?? '', 1)
  add(abstract, 1)
  spellings.set(counts, spelled)
  return counts
}

function withoutFormulas(text: string): string {
  // Most texts have none.
  if (!/[$\\]/.test(text)) return text
  return splitMath(text)
    .map(part => (part.math ? ' . ' : part.text))
    .join('')
}

/** Singular and plural count as one. */
function stemOf(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`
  return word.length > 3 && word.endsWith('s') && !/(ss|us|is)$/.test(word) ? word.slice(0, -1) : word
}

/** Terms that at least two papers have and at most half of them, the most telling ones. */
function chooseTerms(texts: Map<string, number>[]): Terms {
  const papers = new Map<string, number>()
  const spelled = new Map<string, Map<string, number>>()
  for (const text of texts) {
    for (const term of text.keys()) papers.set(term, (papers.get(term) ?? 0) + 1)
    for (const [stem, word] of spellings.get(text)!) {
      const words = spelled.get(stem) ?? new Map<string, number>()
      spelled.set(stem, words.set(word, (words.get(word) ?? 0) + 1))
    }
  }
  const least = texts.length < 4 ? 1 : 2
  const kept = [...papers]
    .filter(([, count]) => count >= least && (count <= texts.length / 2 || texts.length < 4))
    .map(([term, count]) => ({ term, rarity: Math.log((texts.length + 1) / count), count }))
    .sort((a, b) => b.count * b.rarity - a.count * a.rarity || (a.term < b.term ? -1 : 1))
    .slice(0, mostTerms)
  const commonest = (words: Map<string, number>) =>
    [...words].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0][0]
  return {
    columns: new Map(kept.map(({ term }, column) => [term, column])),
    rarity: kept.map(({ rarity }) => rarity),
    shown: new Map([...spelled].map(([stem, words]) => [stem, commonest(words)])),
  }
}

/** Weights (1 + ln count) · rarity at unit length. A last column that all papers share keeps papers without terms in. */
function vectorOf(text: Map<string, number>, { columns, rarity }: Terms): Map<number, number> {
  const vector = new Map<number, number>([[columns.size, 0.01]])
  for (const [term, count] of text) {
    const column = columns.get(term)
    if (column !== undefined) vector.set(column, (1 + Math.log(count)) * rarity[column])
  }
  let squares = 0
  for (const value of vector.values()) squares += value * value
  const length = Math.sqrt(squares)
  for (const [column, value] of vector) vector.set(column, value / length)
  return vector
}

function vectors(texts: Map<string, number>[], terms: Terms): Matrix {
  const result = matrix(texts.length, terms.columns.size + 1)
  for (const [row, text] of texts.entries())
    for (const [column, value] of vectorOf(text, terms)) result.data[row * result.columns + column] = value
  return result
}

function dot(a: Map<number, number>, b: Map<number, number>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a]
  let sum = 0
  for (const [column, value] of small) sum += value * (large.get(column) ?? 0)
  return sum
}

const stopWords = new Set(
  `about above across after again against all almost alone along already also although always among and another any are
  around away back because been before being below best better between beyond both but came can cannot come common could
  demonstrate demonstrates different does doing done down during each either else enable enables enough even ever every
  existing experiment experiments far few find finds first five for four from full gain gains get gets give gives given good
  great had half has have having help helps her here high higher him his how however ideal important improve improved
  improves including into introduce introduces its itself just keep keeps kind kinds know known large larger last later
  least less like little long look lot low lower made main make makes making many may mean means measure measures method
  methods might more most much must near nearly need needs neither never new next nobody none nor not nothing novel now
  number off often once one only onto open other others our out over own paper part people per perform performance place
  point points possible present presents problem problems propose proposed proposes provide provides put rather real
  recent result results run runs same say says second see seen several shall she should show shown shows significant
  significantly since single six small smaller some somebody somehow something state still such take takes ten than that
  the their them then there these they thing things third this those though three through thus time times together too
  toward towards two under until upon use used user uses using usual usually various very via want wants was way ways well
  were what when where whether which while who whole whose why will with within without work works would yet you your
  achieve achieves approach approaches based challenge challenges code com compared comparable extensive framework further
  github https outperform outperforms respectively state-of-the-art technique techniques task tasks evaluate evaluation
  study system systems set sets`.split(/\s+/),
)
