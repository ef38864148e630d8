import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defineMethod, input, z } from './define.ts'
import { decodeFields, describeFields, InputErrors, parseInput, parseNumber } from './fields.ts'

const method = defineMethod({
  title: 'Try',
  description: 'Every kind of field.',
  effort: 'quick',
  input: z.object({
    points: input.table({ label: 'Table' }),
    k: input.number({ integer: true, min: 1, max: 100, label: 'Clusters', hint: 'How many' }),
    rate: input.number({ default: 0.5, min: 0 }),
    limit: input.optionalNumber({ integer: true }),
    metric: input.choice(['euclidean', 'cosine']),
    scale: input.toggle({ default: true }),
    title: input.text({ maxLength: 10 }),
  }),
  run: async () => [],
})
const fields = describeFields(method)
const decode = (raw: Record<string, unknown>, options = {}) =>
  decodeFields(fields, { points: 'x', k: '3', ...raw }, options)
const messages = (call: () => unknown) => {
  try {
    call()
  } catch (error) {
    assert.ok(error instanceof InputErrors, String(error))
    return error.errors.map(error => error.message)
  }
  return []
}

test('a schema is read back as fields in its order, with labels, hints, bounds and defaults', () => {
  assert.deepEqual(
    fields.map(({ name, kind, required }) => [name, kind, required]),
    [
      ['points', 'table', true],
      ['k', 'integer', true],
      ['rate', 'number', false],
      ['limit', 'integer', false],
      ['metric', 'choice', false],
      ['scale', 'switch', false],
      ['title', 'text', false],
    ],
  )
  assert.deepEqual(fields[1], {
    name: 'k',
    kind: 'integer',
    label: 'Clusters',
    hint: 'How many',
    required: true,
    min: 1,
    max: 100,
  })
  assert.equal(fields[2].default, 0.5)
  assert.deepEqual(fields[4].choices, ['euclidean', 'cosine'])
})

test('strings of a form become numbers and switches; empty ones fall back to the default', () => {
  assert.deepEqual(decode({ rate: '', scale: 'off', limit: '7' }), {
    points: 'x',
    k: 3,
    rate: 0.5,
    limit: 7,
    metric: 'euclidean',
    scale: false,
    title: '',
  })
})

test('an unticked box of a form means off, an absent flag means the default', () => {
  assert.equal(decode({}, { absentMeansOff: true }).scale, false)
  assert.equal(decode({}).scale, true)
})

test('each wrong field has its own error with what was found and what is expected', () => {
  assert.deepEqual(
    messages(() => decode({ k: '0', rate: 'abc', metric: 'x', scale: 'maybe', title: '12345678901' })),
    [
      "k must be a whole number from 1 to 100, found '0'",
      "rate must be a number of at least 0, found 'abc'",
      "metric must be one of euclidean, cosine, found 'x'",
      "scale must be true or false, found 'maybe'",
      'title must be text of at most 10 characters, found 11 characters',
    ],
  )
})

test('a missing required field and an unknown one are named', () => {
  assert.deepEqual(
    messages(() => decodeFields(fields, { points: 'x', kk: 1 })),
    [
      'kk is no input of this method; it has points, k, rate, limit, metric, scale, title',
      'k must be a whole number from 1 to 100, found nothing',
    ],
  )
})

test('a refinement over several fields keeps its own sentence and field', () => {
  const refined = {
    ...method,
    input: method.input.superRefine((value, context) => {
      if (value.k > 2)
        context.addIssue({ code: 'custom', path: ['k'], message: 'k must be at most the number of rows (2), found 3' })
    }),
  }
  const values = { ...decode({}), points: { name: 'a', rows: 2, columns: [] } }
  assert.deepEqual(
    messages(() => parseInput(refined, values)),
    ['k must be at most the number of rows (2), found 3'],
  )
})

test('nothing that a form can send makes the decoder throw anything but InputErrors', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('points', 'k', 'rate', 'metric', 'scale', '__proto__', 'x'), fc.anything()),
      raw => {
        try {
          const values = decodeFields(fields, raw)
          assert.ok(Number.isInteger(values.k))
        } catch (error) {
          assert.ok(error instanceof InputErrors, String(error))
        }
      },
    ),
  )
})

test('a number is decimal: no hexadecimal, no infinity, no empty text', () => {
  assert.deepEqual(['1', ' -2.5e3 ', '.5', '', '0x10', 'Infinity', '1e999', '1,5', 'NaN'].map(parseNumber), [
    1,
    -2500,
    0.5,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})
