import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeText } from '../lines.ts'
import { type JsonElement, splitElements } from './json-elements.ts'

async function elementsOf(...texts: string[]): Promise<JsonElement[]> {
  const elements: JsonElement[] = []
  for await (const some of splitElements(decodeText(texts))) elements.push(...some)
  return elements
}

describe('elements of a JSON list', () => {
  test('are its values, wherever the text was cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 6 }),
        fc.constantFrom(0, 1, '\t'),
        fc.nat(),
        async (values, indent, cut) => {
          const text = JSON.stringify(values, null, indent)
          const at = cut % (text.length + 1)
          const elements = await elementsOf(text.slice(0, at), text.slice(at))
          assert.deepEqual(
            elements.map(element => JSON.parse(element.text)),
            JSON.parse(text),
          )
          assert.ok(elements.every(({ cut, stray, tooLong }) => !cut && !stray && !tooLong))
        },
      ),
      { numRuns: 500, seed: 7 },
    )
  })

  test('have the line that they start in; anything but a list is one', async () => {
    const lines = (await elementsOf('\n[1,\r\n\r\n {"a":\n[2]}, "x"\r]')).map(({ line }) => line)
    assert.deepEqual(lines, [2, 4, 5])
    assert.deepEqual(await elementsOf(' {"a":[1,2]} '), [{ text: '{"a":[1,2]} ', line: 1, tooLong: false }])
  })

  test('are cut where the text is, and stray behind its end', async () => {
    for (const text of ['[', '[1,', '[{', '["a', '{"a":1', '[1,["\\'])
      assert.equal((await elementsOf(text)).at(-1)?.cut, true, text)
    assert.deepEqual(
      (await elementsOf('[1]2')).map(({ stray }) => stray),
      [undefined, true],
    )
  })
})
