import { error } from '@sveltejs/kit'
import { drawChart } from '#lib/server/plot.ts'
import { readWindow } from '#lib/server/show.ts'
import { standalone } from '#lib/server/standalone.ts'
import css from '../../../../../app.css?raw'
import type { RequestHandler } from './$types'

/** A chart as a file of its own, in the light theme. */
export const GET: RequestHandler = ({ locals: { offprint }, params, url }) => {
  const block = offprint.runs.store.record(params.id)?.blocks.find(one => one.name === params.name)
  const chart = block && drawChart(block, readWindow(url.searchParams.get('zoom')))
  if (!chart?.wide) error(404, 'This run has no such chart.')
  return new Response(standalone(chart, css), {
    headers: { 'content-type': 'image/svg+xml', 'content-disposition': 'attachment' },
  })
}
