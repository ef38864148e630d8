import { error } from '@sveltejs/kit'
import { drawChart } from '#lib/server/plot.ts'
import { standalone } from '#lib/server/standalone.ts'
import type { RequestHandler } from './$types'

/** A chart as a file of its own, in the light theme. */
export const GET: RequestHandler = ({ locals: { offprint }, params }) => {
  const block = offprint.runs.store.record(params.id)?.blocks.find(one => one.name === params.name)
  const chart = block && drawChart(block)
  if (!chart) error(404, 'This run has no such chart.')
  return new Response(standalone(chart.wide), {
    headers: { 'content-type': 'image/svg+xml', 'content-disposition': 'attachment' },
  })
}
