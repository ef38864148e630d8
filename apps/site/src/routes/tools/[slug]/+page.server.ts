import { error } from '@sveltejs/kit'
import { showMethods } from '#lib/server/form.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const tool = offprint.tools.get(params.slug)
  if (!tool) error(404, `There is no tool '${params.slug.slice(0, 40)}'.`)
  const { methods, form } = showMethods(offprint, tool, offprint.pageOf(tool.slug), url.searchParams)
  return {
    title: tool.about.title,
    summary: tool.about.summary,
    methods,
    form: form!,
    /** Whether the form stands as it is at first: with nothing given, kept or refused. */
    untouched: !['draft', 'from', 'example'].some(name => url.searchParams.has(name)),
    example: exampleOf(tool.methods[form!.method].example),
    runs: offprint.runs.store.list({ paper: tool.slug, limit: 8 }),
  }
}

/** An example as the fields of a form that is sent with one click. */
function exampleOf(example: Record<string, unknown> | undefined): { name: string; value: string }[] {
  return Object.entries(example ?? {}).map(([name, value]) => ({
    name,
    value: typeof value === 'object' && value !== null && 'text' in value ? String(value.text) : String(value),
  }))
}
