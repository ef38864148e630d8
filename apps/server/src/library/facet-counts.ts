/** Counting what a search found by year, category, author and so on. */
import type { StatementSync } from 'node:sqlite'
import { also } from './conditions.ts'
import type { Wanted } from './search.ts'
import { arxivCategoryName } from './sources/arxiv-taxonomy.ts'
import type { FacetCount, FacetCounts } from './types.ts'

/** Of more than so many the newest are counted: every page of a search is counted anew. */
const mostCounted = 2000
const mostOfKind = 6

export function openFacetCounts(prepare: (sql: string) => StatementSync) {
  const labelOf = (kind: string, value: string) =>
    prepare('SELECT label FROM facets WHERE kind = ? AND value = ? LIMIT 1').get(kind, value)?.label
  return ({ match, rest }: Wanted, most = mostCounted): FacetCounts => {
    const and = also(rest, match ? '+rowid' : 'position')
    const found = match
      ? `SELECT rowid AS position FROM search WHERE search MATCH ?${and.sql} ORDER BY rowid DESC LIMIT ${most}`
      : `SELECT position FROM papers WHERE true${and.sql} ORDER BY position DESC LIMIT ${most}`
    const values = match ? [match, ...and.values] : and.values
    const rows = prepare(
      `WITH found(position) AS MATERIALIZED (${found})
       SELECT '' AS kind, '' AS value, count(*) AS count FROM found
       UNION ALL
       SELECT 'year', substr(publishedAt, 1, 4), count(*) FROM found CROSS JOIN papers USING (position)
         WHERE publishedAt IS NOT NULL GROUP BY 2
       UNION ALL
       SELECT kind, value, count(*) FROM found CROSS JOIN facets USING (position)
         WHERE kind <> 'topic' GROUP BY 1, 2 ORDER BY 3 DESC, 2`,
    ).all(...values)
    const of = (kind: string, least = 0): FacetCount[] =>
      rows
        .filter(row => row.kind === kind && Number(row.count) >= least)
        .map(({ value, count }) => ({ value: String(value), count: Number(count) }))
    // Only of what is shown: a label lies further away than a value.
    const many = (kind: string, least?: number) =>
      of(kind, least)
        .slice(0, mostOfKind)
        .map(facet => ({ ...facet, label: String(labelOf(kind, facet.value) ?? facet.value) }))
    const has = (value: string) => of('has').find(facet => facet.value === value)?.count ?? 0
    const counted = of('')[0].count
    return {
      years: of('year').sort((a, b) => (a.value < b.value ? 1 : -1)),
      categories: of('category')
        .slice(0, mostOfKind)
        .map(facet => ({ ...facet, label: arxivCategoryName(facet.value) })),
      // Everybody has written something; who is telling has written several of these.
      authors: many('author', 2),
      organizations: many('organization', 2),
      code: has('code'),
      runs: has('runs'),
      ...(counted === most ? { among: counted } : {}),
    }
  }
}
