import { error } from '@sveltejs/kit'
import { describeInputs } from '#lib/server/inputs.ts'
import { showBlocks } from '#lib/server/show.ts'
import { snippets } from '#lib/server/snippets.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const record = offprint.runs.store.record(params.id)
  if (!record) error(404, `There is no run ${params.id.slice(0, 40)}.`)
  const { blocks } = record
  // Of a run that is going on the log is not stored line by line.
  const run = { ...record.run, log: offprint.runs.log(params.id) ?? record.run.log }
  const paper = offprint.module(run.paper)
  const claim = run.method.startsWith('check:') ? run.method.slice('check:'.length) : undefined
  const page = offprint.pageOf(run.paper)
  const others = offprint.runs.store
    .list({ paper: run.paper, method: run.method, limit: 20 })
    .filter(other => other.id !== run.id && other.status === 'done')
  return {
    run,
    title: paper?.about.title ?? run.paper,
    methodTitle: claim ? `Check of claim ${claim}` : (paper?.methods[run.method]?.title ?? run.method),
    claim: claim ? offprint.claims(run.paper).find(one => one.id === claim) : undefined,
    paperHref: paper ? page : undefined,
    changeHref: paper && !claim ? `${page}?method=${run.method}&from=${run.id}#run` : undefined,
    unfinished: run.status === 'queued' || run.status === 'running',
    ours: offprint.runs.isOurs(run.id),
    progress: offprint.runs.progress(run.id),
    inputs: describeInputs(offprint, run),
    snippets: snippets(offprint, run, url.origin + offprint.base),
    blocks: showBlocks(blocks, url),
    others: others.map(({ id, createdAt }) => ({ id, createdAt })),
  }
}
