import type { Block, SeriesBlock } from '@offprint/papers'
import { error } from '@sveltejs/kit'
import { describeInputs } from '#lib/server/inputs.ts'
import { showBlocks } from '#lib/server/show.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const ids = url.searchParams.getAll('run')
  if (ids.length !== 2)
    error(
      400,
      `Choose two runs to compare; ${ids.length === 1 ? 'one was' : `${ids.length || 'none'} were`} chosen. Go back, and tick two of them.`,
    )
  const [left, right] = ids.map(id => {
    const record = offprint.runs.store.record(id)
    if (!record) error(404, `There is no run ${id.slice(0, 40)}.`)
    return { ...record, inputs: describeInputs(offprint, record.run) }
  })
  const value = (side: typeof left, name: string) => {
    const input = side.inputs.find(one => one.name === name)
    return input?.file?.file ?? input?.text
  }
  const metricsOf = (side: typeof left) => side.blocks.flatMap(block => (block.type === 'metric' ? [block] : []))
  const [leftMetrics, rightMetrics] = [left, right].map(
    side => new Map(metricsOf(side).map(metric => [metric.name, metric])),
  )
  const overlaid = overlay(left.blocks, right.blocks)
  const names = [...new Set([left, right].flatMap(side => side.inputs.map(input => input.name)))]
  const shownInput = (side: typeof left, name: string) => side.inputs.find(input => input.name === name)
  return {
    overlaid: showBlocks(overlaid, url, 'both-'),
    differing: names
      .filter(name => value(left, name) !== value(right, name))
      .map(name => ({
        name,
        label: (shownInput(left, name) ?? shownInput(right, name))!.label,
        left: shownInput(left, name)?.text,
        right: shownInput(right, name)?.text,
      })),
    sides: [left, right].map((side, index) => ({
      run: side.run,
      inputs: side.inputs.map(input => ({
        ...input,
        differs: value([right, left][index], input.name) !== value(side, input.name),
      })),
      blocks: showBlocks(
        side.blocks.filter(block => block.type !== 'metric' && !overlaid.some(({ name }) => name === block.name)),
        url,
        index === 0 ? 'left-' : 'right-',
      ),
    })),
    metrics: [...new Map([...rightMetrics, ...leftMetrics]).values()].map(({ name, title, unit }) => {
      const value = leftMetrics.get(name)?.value ?? null
      const other = rightMetrics.get(name)?.value ?? null
      return {
        name,
        title,
        unit,
        left: value,
        right: other,
        change: value !== null && other !== null && value !== 0 ? (other / value - 1) * 100 : null,
      }
    }),
  }
}

/** Lines that both runs drew over the same axes, in one chart. */
function overlay(left: Block[], right: Block[]): SeriesBlock[] {
  const lines = (blocks: Block[]) => blocks.filter(block => block.type === 'series')
  return lines(left).flatMap(block => {
    const other = lines(right).find(
      one => one.name === block.name && one.x.label === block.x.label && one.y.label === block.y.label,
    )
    if (!other) return []
    const named = (side: string, { series }: SeriesBlock) =>
      series.map(one => ({ ...one, name: `${one.name}, ${side}` }))
    return [
      {
        ...block,
        title: `${block.title}: both`,
        note: undefined,
        marks: [],
        series: [...named('first', block), ...named('second', other)],
      },
    ]
  })
}
