/** How the sites that papers come from are asked: who we say we are, where they are, and how long an answer may take. */
import { join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { isLoopback, type Settings } from '../settings.ts'
import { type PacedGet, pacedGet } from './pace.ts'

/** Pages of arXiv's query interface with 2,000 papers have some 6 MB. */
const mostBytes = 64_000_000
const wholeMs = 900_000

/** @param testSite an address of this machine that stands in for the sites; asked without a pace */
export function openSiteGet(
  { DATA_DIR, PUBLIC_URL, SYNC_CONTACT }: Pick<Settings, 'DATA_DIR' | 'PUBLIC_URL' | 'SYNC_CONTACT'>,
  testSite?: string,
): PacedGet {
  const test = readTestSite(testSite)
  const get = pacedGet(join(DATA_DIR, 'pace'), test ? { everyMs: 0 } : {})
  const userAgent = userAgentOf(SYNC_CONTACT ?? PUBLIC_URL)
  const ours = { userAgent, mostBytes, wholeMs, ...(test ? { allowPrivate: [test.host] } : {}) }
  return (address, options) => get(address, { ...ours, ...options })
}

/** Says which program asks, and whom its people can write to. */
export function userAgentOf(contact: string | undefined): string {
  return `Offprint/${manifest.version} (${contact ? `+${contact}` : 'a site for reading papers that one person runs'})`
}

export function siteAddresses(testSite?: string) {
  const test = readTestSite(testSite)
  return (
    test && { oai: `${test.origin}/oai`, query: `${test.origin}/api/query`, daily: `${test.origin}/api/daily_papers` }
  )
}

/** Nothing but this machine itself may be asked without a pace. */
function readTestSite(address: string | undefined): URL | undefined {
  if (!address) return undefined
  const url = new URL(address)
  if (!isLoopback(url.hostname)) throw new Error(`the test site must be on this machine, found ${url.hostname}`)
  return url
}
