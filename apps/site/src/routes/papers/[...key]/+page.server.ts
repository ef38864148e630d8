import { error, redirect } from '@sveltejs/kit'
import { paperPath } from '#lib/format.ts'
import { showForm, startingValues } from '#lib/server/form.ts'
import { showMarks } from '#lib/server/marks.ts'
import { renderMath } from '#lib/server/math.ts'
import { namedPath } from '#lib/server/papers.ts'
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
  // The reader need not wait for it to be written; what a browser fetches ahead was not opened.
  if (!/prefetch/.test(request.headers.get('sec-purpose') ?? ''))
    setImmediate(() => offprint.library.reading.opened(record.key))
  const paper = record.slug ? offprint.papers.get(record.slug) : undefined
  const methods = Object.entries(paper?.methods ?? {})
  const chosen = methods.find(([name]) => name === url.searchParams.get('method')) ?? methods[0]
  const page = paperPath(record.key)
  const math = (text: string) => renderMath(text, offprint.splitMath)
  let form: ReturnType<typeof showForm> | undefined
  if (paper && chosen) {
    const [name, method] = chosen
    const { values, errors } = startingValues(offprint, paper.slug, name, url.searchParams)
    form = showForm({ slug: paper.slug, name, method, fields: offprint.fieldsOf(method) }, values, errors, page)
  }
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
    methods: methods.map(([name, { title }]) => ({
      name,
      title,
      href: `${page}?method=${name}#run`,
      chosen: name === chosen?.[0],
    })),
    form,
    similar: offprint.library
      .similar(record.key)
      .map(({ paper, shared }) => ({ key: paper.key, title: math(paper.title), shared })),
    claims: paper ? offprint.claims(paper.slug) : [],
    runs: paper ? offprint.runs.store.list({ paper: paper.slug, limit: 8 }) : [],
  }
}
