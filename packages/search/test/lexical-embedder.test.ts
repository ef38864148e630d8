import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InputError, random } from '@offprint/kernels'
import fc from 'fast-check'
import { type LexicalEmbedder, openLexicalEmbedder, trainLexicalEmbedder } from '../src/index.ts'
import { runsOfWords, stemOf } from '../src/words.ts'

const themes = [
  'product quantization compresses vectors for approximate nearest neighbour search',
  'graph indexes walk from neighbour to neighbour and reach high recall',
  'pipeline parallelism splits the layers of a language model over devices',
  'the scheduler of a cluster shares accelerators between training jobs',
  'medoids are points that stand for the clusters of a data set',
]

/** Texts of words drawn around themes, the same at every run. */
function madeTexts(count: number, seed = 3): string[] {
  const { integer } = random(seed)
  return Array.from({ length: count }, (_, at) => {
    const own = themes[at % themes.length].split(' ')
    const other = themes[integer(themes.length)].split(' ')
    const words = Array.from(
      { length: 30 },
      () => (integer(4) ? own : other)[integer(Math.min(own.length, other.length))],
    )
    return words.join(' ')
  })
}

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * b[at], 0)

/** Inner product of TF-IDF weights. */
function similarity(embedder: LexicalEmbedder, a: string, b: string): number {
  const other = embedder.weights(b)
  let sum = 0
  for (const [term, weight] of embedder.weights(a)) sum += weight * (other.get(term) ?? 0)
  return sum
}

/** The `count` largest eigenvalues of a symmetric matrix with their vectors, by power iteration and deflation. */
function strongest(symmetric: number[][], count: number): { value: number; vector: number[] }[] {
  const rest = symmetric.map(row => row.slice())
  return Array.from({ length: count }, (_, which) => {
    let vector = rest.map((_, at) => Math.sin(1 + at * (which + 1)))
    let value = 0
    for (let round = 0; round < 3000; round++) {
      const next = rest.map(row => row.reduce((sum, entry, at) => sum + entry * vector[at], 0))
      value = Math.hypot(...next)
      vector = next.map(entry => entry / value)
    }
    for (const [row, entries] of rest.entries())
      for (const column of entries.keys()) entries[column] -= value * vector[row] * vector[column]
    return { value, vector }
  })
}

describe('words', () => {
  it('are read in runs that end at punctuation and at words that say nothing', () => {
    const runs = runsOfWords('Product quantization, the k-medoids and 3 GPUs: QLoRA’s adapters')
    assert.deepEqual(
      runs.map(run => run.map(({ term }) => term)),
      [['product', 'quantization'], ['k-medoid'], ['gpu'], ['qlora', 'adapter']],
    )
  })

  it('keep the capitals of names, not those of a sentence', () => {
    assert.deepEqual(
      runsOfWords('Graphs: GPUs, QLoRA').map(([{ written }]) => written),
      ['graphs', 'GPUs', 'QLoRA'],
    )
  })

  it('of scripts without spaces are pairs of characters', () => {
    assert.deepEqual(
      runsOfWords('聚类算法')
        .flat()
        .map(({ term }) => term),
      ['聚类', '类算', '算法'],
    )
  })

  it('count plural and singular as one', () => {
    for (const [plural, singular] of [
      ['indexes', 'index'],
      ['queries', 'query'],
      ['classes', 'class'],
      ['vectors', 'vector'],
    ])
      assert.equal(stemOf(plural), singular)
    for (const word of ['loss', 'corpus', 'analysis', 'gas']) assert.equal(stemOf(word), word)
  })

  it('of any string are read without an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
        for (const run of runsOfWords(text)) for (const { term } of run) assert.equal(term, term.toWellFormed())
      }),
    )
    assert.deepEqual(runsOfWords('\ud800 \udfff'), [])
  })
})

describe('the embedder', () => {
  it('keeps every angle where it has as many directions as the texts', async () => {
    const texts = madeTexts(25)
    const embedder = await trainLexicalEmbedder(texts, { dimensions: 64, rounds: 30 })
    assert.ok(embedder.dimensions <= 25)
    for (const a of texts)
      for (const b of texts)
        assert.ok(Math.abs(dot(embedder.embed(a), embedder.embed(b)) - similarity(embedder, a, b)) < 1e-3)
  })

  it('keeps the strongest directions, as an eigendecomposition finds them', async () => {
    const texts = madeTexts(60)
    const embedder = await trainLexicalEmbedder(texts, { dimensions: 8, rounds: 60 })
    assert.equal(embedder.dimensions, 8)
    const gram = texts.map(a => texts.map(b => similarity(embedder, a, b)))
    const found = strongest(gram, 8)
    const reference = texts.map((_, at) => {
      const point = found.map(({ value, vector }) => Math.sqrt(value) * vector[at])
      const length = Math.hypot(...point)
      return Float32Array.from(point, entry => entry / length)
    })
    let worst = 0
    for (const [at, a] of texts.entries())
      for (const [to, b] of texts.entries())
        worst = Math.max(worst, Math.abs(dot(embedder.embed(a), embedder.embed(b)) - dot(reference[at], reference[to])))
    assert.ok(worst < 2e-3, `worst difference ${worst}`)
  })

  it('puts texts of one theme together, also where they share no word', async () => {
    const rare = ['car', 'car', 'automobile', 'automobile']
    const texts = [
      ...Array.from({ length: 30 }, (_, at) => `motor wheel road ${rare[at] ?? 'street'}`),
      ...Array.from({ length: 30 }, () => 'oven flour bread'),
      ...madeTexts(120),
    ]
    const embedder = await trainLexicalEmbedder(texts, { dimensions: 8 })
    const [car, automobile, bread] = ['car', 'automobile', 'bread'].map(text => embedder.embed(text))
    assert.equal(similarity(embedder, 'car', 'automobile'), 0)
    assert.ok(dot(car, automobile) > 0.9)
    assert.ok(Math.abs(dot(car, bread)) < 0.1)
  })

  it('says what two texts have in common, phrases before their words', async () => {
    const texts = [
      ...madeTexts(40),
      ...Array.from({ length: 6 }, () => 'LoRA adapters and product quantization with high recall'),
    ]
    const embedder = await trainLexicalEmbedder(texts)
    const shared = embedder.shared('Product quantization of LoRA weights', 'LoRA and product quantization')
    assert.deepEqual(shared.toSorted(), ['LoRA', 'product quantization'])
    assert.deepEqual(embedder.shared('LoRA', 'pipeline'), [])
    assert.equal(embedder.shared(texts[0], texts[0], 2).length, 2)
  })

  it('is the same for the same texts and seed, however they are given', async () => {
    const texts = madeTexts(50)
    const [one, other] = [
      await trainLexicalEmbedder(texts, { dimensions: 16 }),
      await trainLexicalEmbedder(new Set(texts), { dimensions: 16 }),
    ]
    assert.deepEqual(one.toBytes(), other.toBytes())
  })

  it('is made of few texts or none', async () => {
    for (const texts of [[], [''], ['one single text about graphs'], ['! ?', '…'], ['a', 'the']]) {
      const embedder = await trainLexicalEmbedder(texts)
      const vector = embedder.embed('a text about graphs')
      assert.equal(vector.length, embedder.dimensions)
      assert.ok(vector.every(Number.isFinite))
      assert.equal(openLexicalEmbedder(embedder.toBytes()).terms, embedder.terms)
    }
    const embedder = await trainLexicalEmbedder(['one single text about graphs'])
    assert.ok(Math.abs(dot(embedder.embed('graphs'), embedder.embed('graphs')) - 1) < 1e-5)
  })

  it('gives vectors of length 1, or zeros where no word is known', async () => {
    const embedder = await trainLexicalEmbedder(madeTexts(40))
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom(...themes), (noise, theme) => {
        for (const text of [noise, `${noise} ${theme}`]) {
          const vector = embedder.embed(text)
          const length = Math.sqrt(dot(vector, vector))
          assert.ok(Math.abs(length - 1) < 1e-5 || length === 0)
        }
      }),
    )
    assert.ok(embedder.embed('zzz').every(value => value === 0))
  })

  it('refuses options that mean nothing, and stops when it is told to', async () => {
    for (const [option, value] of [
      ['dimensions', 7],
      ['dimensions', 1025],
      ['mostTerms', 0],
      ['rounds', 1.5],
      ['seed', -1],
    ])
      await assert.rejects(
        trainLexicalEmbedder([], { [option]: value }),
        (error: unknown) => error instanceof InputError && error.field === option,
      )
    const reason = new Error('enough')
    await assert.rejects(trainLexicalEmbedder(madeTexts(500), { signal: AbortSignal.abort(reason) }), reason)
  })

  it('tells how far it is', async () => {
    const steps: [number, number][] = []
    await trainLexicalEmbedder(madeTexts(20), { rounds: 2, onProgress: (done, of) => steps.push([done, of]) })
    assert.deepEqual(steps, [
      [1, 5],
      [2, 5],
      [3, 5],
      [4, 5],
      [5, 5],
    ])
  })
})

describe('the embedder’s file', () => {
  it('opens as what was written', async () => {
    const texts = madeTexts(60)
    const embedder = await trainLexicalEmbedder(texts, { dimensions: 16 })
    const again = openLexicalEmbedder(embedder.toBytes())
    assert.deepEqual([again.dimensions, again.terms], [embedder.dimensions, embedder.terms])
    for (const text of texts) {
      assert.deepEqual(again.embed(text), embedder.embed(text))
      assert.deepEqual(again.shared(text, texts[0]), embedder.shared(text, texts[0]))
    }
    assert.deepEqual(again.toBytes(), embedder.toBytes())
  })

  it('opens from a Buffer and from the middle of other bytes', async () => {
    const embedder = await trainLexicalEmbedder(madeTexts(60), { dimensions: 16 })
    const bytes = embedder.toBytes()
    const among = new Uint8Array(bytes.length + 100)
    among.set(bytes, 52)
    for (const given of [Buffer.from(bytes), among.subarray(52, 52 + bytes.length)])
      assert.deepEqual(openLexicalEmbedder(given).embed(madeTexts(1)[0]), embedder.embed(madeTexts(1)[0]))
  })

  it('is refused where it is cut, changed in any byte, or something else', async () => {
    const bytes = (await trainLexicalEmbedder(madeTexts(8), { dimensions: 8 })).toBytes()
    const refused = (changed: Uint8Array) => assert.throws(() => openLexicalEmbedder(changed), InputError)
    for (let size = 0; size < bytes.length; size += 7) refused(bytes.slice(0, size))
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice()
      changed[at] ^= 1 << (at % 8)
      refused(changed)
    }
    refused(new Uint8Array([...bytes, 0]))
    refused(new TextEncoder().encode('PK something else'))
  })
})
