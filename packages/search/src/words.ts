/** Texts as terms: words, their hyphenated parts, pairs of neighbours; plural and singular count as one. */

export interface Word {
  /** What counts as the same term. */
  term: string
  /** As it is written. */
  written: string
}

/** Longer texts are read up to here, in characters. */
const longestText = 100_000
const longestWord = 40

const word = /[\p{L}\p{N}]+(?:[-’'][\p{L}\p{N}]+)*/gu
/** `GPUs`, which is no Latin word on -us. */
const abbreviations = /^\p{Lu}[\p{Lu}\p{N}]+s$/u
/** Scripts without spaces between words: two neighbouring characters make a term. */
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u

/**
 * The words of a text in order, in runs: between two runs there is punctuation or a word that says nothing, so that no
 * pair of neighbours spans it.
 */
export function runsOfWords(text: string): Word[][] {
  const source = text.slice(0, longestText).toWellFormed().normalize('NFKC')
  const runs: Word[][] = []
  let run: Word[] = []
  let end = 0
  for (const match of source.matchAll(word)) {
    const written = match[0]
    const { index } = match
    if (!(index === end + 1 && source[end] === ' ') && /[^\s]/.test(source.slice(end, index))) run = endRun(runs, run)
    end = index + written.length
    const read = readWord(written)
    if (read === 'unspaced') {
      run = endRun(runs, run)
      const characters = [...written]
      const pairs = characters.slice(1).map((character, at) => characters[at] + character)
      runs.push((pairs.length ? pairs : characters).map(pair => ({ term: pair, written: pair })))
    } else if (read === 'nothing') run = endRun(runs, run)
    else run.push(read)
  }
  endRun(runs, run)
  return runs
}

type Read = Readonly<Word> | 'nothing' | 'unspaced'

/** The same words come again and again. */
const readBefore = new Map<string, Read>()
const mostRead = 50_000

function readWord(written: string): Read {
  let read = readBefore.get(written)
  if (!read) {
    read = readAnew(written)
    if (readBefore.size >= mostRead) readBefore.clear()
    if (written.length <= longestWord) readBefore.set(written, read)
  }
  return read
}

function readAnew(written: string): Read {
  if (unspaced.test(written)) return 'unspaced'
  const folded = (abbreviations.test(written) ? written.slice(0, -1) : written).toLowerCase().replace(/[’']s?$/, '')
  if (folded.length > longestWord || stopWords.has(folded) || !/\p{L}/u.test(folded) || folded.length < 2)
    return 'nothing'
  return { term: stemOf(folded), written: lowered(written) }
}

function endRun(runs: Word[][], run: Word[]): Word[] {
  if (run.length) runs.push(run)
  return []
}

/** Words at the start of a sentence lose their capital; names and abbreviations keep theirs. */
function lowered(written: string): string {
  return /^\p{Lu}\p{Ll}*(-\p{Ll}+)*$/u.test(written) ? written.toLowerCase() : written
}

/** Plural and singular of a word as one. */
export function stemOf(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`
  if (word.length > 4 && /(?:ches|shes|sses|xes|zes)$/.test(word)) return word.slice(0, -2)
  return word.length > 3 && word.endsWith('s') && !/(?:ss|us|is)$/.test(word) ? word.slice(0, -1) : word
}

// Words that are about a sentence rather than its subject.
const stopWords = new Set(
  `a about above across after again against all almost along also although always among an and another any are as at be
  because been before being below between both but by can cannot could did do does doing done due during each either else
  even ever every few for from further had has have having he her here him his how however i if in into is it its itself just
  less many may me might more most much must my neither no nor not now of off often on once one only onto or other our out over
  own per rather same several shall she should since so some still such than that the their them then there therefore these
  they this those three through thus to together too toward towards two under until up upon us use used uses using various
  very via was we were what when where whether which while who whom whose why will with within without would yet you your et
  al etc e.g i.e propose proposed proposes present presents show shows shown paper`.split(/\s+/),
)

/** Words that are in many texts and tell nothing of what two of them have in common. */
export const vagueWords = new Set(
  `ability able accurate achieve achieves additional aim allow analysis application applied apply approach area article aspect
  available average bad base based basic benefit best better big break bring build call case challenge change choose class code
  combine come common compare comparison complete complex concept condition consider contain control correct cost create current
  data deal degree demonstrate depend describe design detail develop development difference different difficult direct effect
  effective efficient effort enable end ensure error evaluate evaluation evidence example existing expect experiment explore
  extend extensive fact factor family fast faster field figure final find finding finds first fixed focus follow form found
  framework full future gain general generally get give given goal good great group hand hard help high higher hold idea
  impact important improve improved improvement include increase individual information introduce issue key kind know known lack
  large larger late later lead learn least leave length let level light like limit limited line little live local long look lose
  low lower main make making manner mean means measure measured meet member method middle million model multiple name near need
  new next nobody note novel number object obtain offer old open operation order original others outperform overall pair part
  particular past people perform performance performs place plan play point poor possible potential power practical practice
  problem procedure process produce propose prove provide purpose put quality question quick range rate ratio raw reach read real
  reason recent recently reduce reduction rely report require required research rest result return right role rule run running
  runs sample say scale scenario science score second see seen sense separate serve set setting share short side significant
  similar simple single size slow small solution solve source space special specific speed stage standard start state statement
  step strong structure study subject success suffer suggest system table take task technique tell term test text thing think
  three time title today total traditional train training turn two type understand understanding unit useful user value variety
  version view want way weak week well whole wide wins word work world write year`.split(/\s+/),
)
