import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadAll } from './load.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const listing = join(here, '../../shared/data/daily-papers-listing/listing.txt')
const papers = (await loadAll()).papers.map(({ paper }) => paper)

test('there are 34 papers, each in the folder of its slug', () => {
  const folders = readdirSync(here, { withFileTypes: true }).filter(
    entry => entry.isDirectory() && existsSync(join(here, entry.name, 'index.ts')),
  )
  assert.equal(folders.length, 34)
  assert.deepEqual(
    papers.map(paper => paper.slug),
    folders.map(folder => folder.name).sort(),
  )
})

test('arXiv ids are well-formed, as old as the paper, and different', () => {
  const ids = papers.map(paper => paper.about.arxiv!)
  for (const { slug, about } of papers) {
    const [, year, month, number] = /^(\d\d)(0[1-9]|1[0-2])\.(\d{4,5})$/.exec(about.arxiv!) ?? assert.fail(slug)
    assert.equal(number.length, year + month >= '1501' ? 5 : 4, slug)
    const months = Number(year) * 12 + Number(month)
    const published = Number(about.publishedAt!.slice(2, 4)) * 12 + Number(about.publishedAt!.slice(5, 7))
    // A paper that is sent in on the last day of a month is listed in the next.
    assert.ok(months === published || months === published + 1, `${slug}: ${about.arxiv} and ${about.publishedAt}`)
  }
  assert.equal(new Set(ids).size, ids.length)
})

for (const { slug, about } of papers)
  test(`${slug}: a summary of 60 to 120 words, two to six topics`, () => {
    const words = about.summary.split(/\s+/).length
    assert.ok(words >= 60 && words <= 120, `${words} words`)
    assert.ok(about.topics.length >= 2 && about.topics.length <= 6)
    assert.equal(new Set(about.topics).size, about.topics.length)
    for (const topic of about.topics) assert.match(topic, /^[a-z0-9-]+( [a-z0-9-]+)*$/)
  })

test('a paper without methods has no claims with checks', () => {
  for (const { slug, methods, claims } of papers)
    if (!Object.keys(methods).length) assert.ok(!claims.some(claim => claim.check), slug)
})

test('titles are those of the listing, and summaries share no eight words with it', {
  skip: existsSync(listing) ? false : 'the shared folder with daily-papers-listing is not here',
}, () => {
  const text = readFileSync(listing, 'utf8')
  const lines = new Set(text.split('\n').map(line => line.trim()))
  const runs = new Set(runsOf(text))
  for (const { slug, about } of papers) {
    assert.ok(lines.has(about.title), slug)
    assert.deepEqual(
      runsOf(about.summary).filter(run => runs.has(run)),
      [],
      slug,
    )
  }
})

function runsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g)!
  return words.slice(7).map((_, index) => words.slice(index, index + 8).join(' '))
}
