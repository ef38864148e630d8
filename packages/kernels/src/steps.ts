/** Work in small steps, so that whoever does it can go on answering. */
import { breathe } from './long-call.ts'

/** Work that pauses every few milliseconds. */
export type Steps<Result> = Generator<undefined, Result>

/** All steps at once. */
export function runSteps<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** One step after the other, with whatever else there is to do in between. */
export async function takeSteps<Result>(steps: Steps<Result>): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    await breathe()
  }
}
