import { error, redirect } from '@sveltejs/kit'
import { paperPath } from '#lib/format.ts'
import { showMethods } from '#lib/server/form.ts'
import { showMarks } from '#lib/server/marks.ts'
import { renderMath } from '#lib/server/math.ts'
import { namedPath } from '#lib/server/papers.ts'
import { isVisit } from '#lib/server/visit.ts'
import type { PageServerLoad } from './$types'

/** Of an author list of thousands the others are named, not linked. */
const mostLinked = 200

export const load: PageServerLoad = ({ locals: { offprint }, params, url, request }) => {
  const record = offprint.library.paper(params.key)
  if (!record) error(404, `The library has no paper '${params.key.slice(0, 100)}'.`)
  if ('redirect' in record)
    redirect(
      302,
      `${paperPath(record.redirect)}${url.search}${record.version ? `${url.search ? '&' : '?'}version=${record.version}` : ''}`,
    )
  // The reader need not wait for it to be written.
  if (isVisit(request)) setImmediate(() => offprint.library.reading.opened(record.key))
  const paper = record.slug ? offprint.papers.get(record.slug) : undefined
  const math = (text: string) => renderMath(text, offprint.splitMath)
  return {
    paper: record,
    html: {
      title: math(record.title),
      summary: math(record.summary ?? ''),
      abstract: record.abstract.split(/\n{2,}/).map(math),
    },
    people: record.authors
      .slice(0, mostLinked)
      .map(({ name }) => ({ name, href: namedPath(offprint, 'authors', name) })),
    organizationHref: record.organization && namedPath(offprint, 'organizations', record.organization),
    marks: showMarks(offprint, record.key),
    seeded: paper !== undefined,
    venue: paper?.about.venue,
    code: paper?.about.code,
    version: url.searchParams.get('version'),
    ...showMethods(offprint, paper, paperPath(record.key), url.searchParams),
    similar: offprint.library
      .similar(record.key)
      .map(({ paper, shared }) => ({ key: paper.key, title: math(paper.title), shared })),
    claims: paper ? offprint.claims(paper.slug) : [],
    runs: paper ? offprint.runs.store.list({ paper: paper.slug, limit: 8 }) : [],
  }
}
