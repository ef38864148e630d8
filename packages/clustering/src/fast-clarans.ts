import { type Dissimilarities, InputError, type Matrix } from '@offprint/kernels'
import { type KMedoids, type KMedoidsOptions, kMedoids } from './k-medoids.ts'
import { pieceOf } from './k-medoids-workspace.ts'

export interface FastClaransOptions extends KMedoidsOptions {
  /** Share of the n − k other rows that must fail in a row before a run ends; default 0.025. */
  rate?: number
}

/**
 * FastCLARANS (arXiv 2008.05171, section 3.5; CLARANS is Ng and Han's of 2002): candidates at random, each tried with all medoids at
 * once, until a share of them has failed in a row. Candidates are drawn without replacement until all had their turn. Two
 * runs (`restarts`), the better one counts.
 *
 * @throws InputError for wrong options or data; the signal's reason once it is aborted
 */
export async function fastClarans(data: Matrix | Dissimilarities, options: FastClaransOptions): Promise<KMedoids> {
  const { rate = 0.025 } = options
  if (!(rate > 0 && rate <= 1)) throw new InputError('rate', String(rate), 'a number above 0, at most 1')
  return kMedoids(
    data,
    { ...options, init: options.init ?? 'random', restarts: options.restarts ?? 2 },
    async (space, { maxPasses, totals, random, pause }) => {
      const { engine, candidates, k, n } = space
      const patience = Math.max(1, Math.ceil(rate * (candidates - k)))
      let failed = 0
      let evaluations = 0
      for (let pass = 0; pass < maxPasses; pass++) {
        random.shuffle(space.order())
        for (let position = 0; position < candidates; ) {
          const end = Math.min(candidates, position + Math.min(space.atOnce, pieceOf(n, 1)))
          await space.load(position, end)
          while (position < end) {
            engine.forgetLastSwap()
            const next = engine.sweep(position, Math.min(end, position + patience - failed), 1)
            const trace = space.takeTrace()
            totals.push(...trace)
            evaluations += next - position
            failed = trace.length ? 0 : failed + next - position
            position = next
            if (failed >= patience) return { passes: pass + 1, converged: true, evaluations }
            await pause(pass + position / candidates)
          }
        }
      }
      return { passes: maxPasses, converged: false, evaluations }
    },
  )
}
