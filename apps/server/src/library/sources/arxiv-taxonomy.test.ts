import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { categoryOfLongName, categoryOfSet, isArxivCategory } from './arxiv-taxonomy.ts'

describe('the taxonomy of arXiv', () => {
  test('has categories of today and of long ago', () => {
    for (const id of ['cs.LG', 'math.ST', 'hep-th', 'astro-ph', 'astro-ph.CO', 'cond-mat.str-el', 'q-fin.TR', 'cmp-lg'])
      assert.ok(isArxivCategory(id), id)
  })

  test('has neither terms of other schemes nor archives that are always divided', () => {
    for (const id of ['I.2.6', '68T50', '68T50; 03B70', 'cs', 'CS.LG', 'cs.XX', 'constructor', 'test', ''])
      assert.ok(!isArxivCategory(id), id)
  })

  test('knows its categories by their long names', () => {
    assert.equal(categoryOfLongName('Computer Science - Data Structures and Algorithms'), 'cs.DS')
    assert.equal(categoryOfLongName('High Energy Physics - Theory'), 'hep-th')
    assert.equal(categoryOfLongName('Physics - Optics'), 'physics.optics')
    assert.equal(categoryOfLongName('Astrophysics'), 'astro-ph')
    assert.equal(categoryOfLongName('68T50'), undefined)
    assert.equal(categoryOfLongName('constructor'), undefined)
  })

  test('knows its categories by their OAI sets', () => {
    assert.equal(categoryOfSet('cs:cs:DC'), 'cs.DC')
    assert.equal(categoryOfSet('physics:hep-th'), 'hep-th')
    assert.equal(categoryOfSet('physics:hep-th:hep-th'), 'hep-th')
    assert.equal(categoryOfSet('physics:astro-ph:CO'), 'astro-ph.CO')
    for (const set of ['stat', 'cs:cs', 'x:y:z', '']) assert.equal(categoryOfSet(set), undefined)
  })
})
