/** What every benchmark prints about where it ran, and how it sums up its times. */
import { cpus, loadavg } from 'node:os'

export function printMachine(): void {
  const processors = cpus()
  const load = loadavg()[0].toFixed(2)
  console.log(`${processors[0]?.model.trim()}, ${processors.length} cores, load ${load}, Node ${process.versions.node}`)
}

export function median(values: number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}

export function spread(values: number[]): string {
  return `${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)}`
}

/** Works that say how many seconds they took and what came out, one after the other in turns; prints how many times as long as the first each takes. */
export async function inTurns(
  title: string,
  rounds: number,
  works: [string, () => Promise<{ seconds: number; value: string }>][],
): Promise<void> {
  const seconds = works.map(() => [] as number[])
  const values = works.map(() => '')
  for (let round = 0; round < rounds; round++)
    for (const [at, [, work]] of works.entries()) {
      const done = await work()
      seconds[at].push(done.seconds)
      values[at] = done.value
    }
  console.log(title)
  for (const [at, [who]] of works.entries()) {
    const ratio = at ? `${(median(seconds[at]) / median(seconds[0])).toFixed(2)}x` : ''
    console.log(
      `  ${who.padEnd(24)} ${median(seconds[at]).toFixed(3)} s (${spread(seconds[at])})  ${values[at]}  ${ratio}`,
    )
  }
}

/** Seconds of a work of ours, and what it says about its result. */
export async function timed<Result>(work: () => Promise<Result> | Result, value: (result: Result) => string) {
  const began = performance.now()
  const result = await work()
  return { seconds: (performance.now() - began) / 1000, value: value(result) }
}
