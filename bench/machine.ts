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
