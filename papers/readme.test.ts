import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadAll } from './load.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test('the README says of each paper what runs and how many of its claims can be checked', async () => {
  const rows = new Map(
    readme
      .split('\n')
      .filter(line => line.startsWith('| `'))
      .map(line => line.split(' | '))
      .map(([slug, ...cells]) => [slug.replace(/[|` ]/g, ''), cells]),
  )
  for (const { paper } of (await loadAll()).papers) {
    const [title, runs, claims] = rows.get(paper.slug) ?? assert.fail(`${paper.slug} is not in the README`)
    assert.equal(title, `[${paper.about.title}](https://arxiv.org/abs/${paper.about.arxiv})`)
    assert.equal(runs, Object.keys(paper.methods).join(', ') || 'to read', paper.slug)
    const checked = paper.claims.filter(claim => claim.check).length
    assert.equal(claims, `${paper.claims.length ? `${checked} of ${paper.claims.length}` : '–'} |`, paper.slug)
  }
})
