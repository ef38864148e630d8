/**
 * The contract: a paper is a module. `papers/<slug>/index.ts` exports `definePaper({...})`; from that one value come the
 * web form, the command line with its help, the HTTP endpoint and the rows of the claims page. See CONTRIBUTING.md for a
 * walk through a first paper.
 *
 * A paper's folder holds no algorithm: it calls an engine (`@offprint/clustering`, …) and turns what comes back into blocks.
 *
 * A tool (`papers/tools/<slug>/index.ts`, `defineTool({...})`) is the same without a paper: it runs, has a page of its own
 * under /tools, and stands in no list of papers.
 */
import { z } from 'zod'
import type { Block } from './blocks.ts'

export { InputError } from '@offprint/kernels'
export * from './blocks.ts'
export type * from './input.ts'
export * as input from './input.ts'
export { z }

/** Facts about the paper. The summary is in our own words: abstracts belong to their authors and are imported by users. */
export interface About {
  /** Base arXiv id without version, such as `2008.05171`. */
  arxiv?: string
  doi?: string
  title: string
  /** Names as printed, where known in full; otherwise leave it out and give `authorCount`. */
  authors?: string[]
  authorCount?: number
  organization?: string
  /** Day (or month, where the day is not known) of the first version: `2020-08-12` or `2025-05`. */
  publishedAt?: string
  /** Where it appeared, such as `Information Systems 101 (2021)`. */
  venue?: string
  /** What the paper is about and what a user gets from it, 60 to 120 words of our own. */
  summary: string
  /** Two to six lower-case topics in the field's words, such as `k-medoids`. */
  topics: string[]
  /** Where the authors' code is, a https URL. */
  code?: string
}

/** What a method or a check costs. `full` says how long a typical call takes on two cores, in seconds. */
export type Effort = 'quick' | { full: number }

/** What a running method has besides its input. */
export interface RunContext {
  /** Everything random is derived from it. Same input, seed and threads: same result. */
  seed: number
  /** Worker threads the engine may use. */
  threads: number
  /** Aborted when the user cancels or a limit is hit. Pass it on to the engine. */
  signal: AbortSignal
  /** Shows progress: `done` of `total` in any unit, with what is being done. */
  progress(done: number, total: number, what?: string): void
  /** Adds a line to the run's log. */
  log(line: string): void
  /**
   * Path where this run may write a file that stays with it. List it in the result as a `file` block with the same
   * name; give it an `artefact` type there (`index`, `model`, `plan`, …) and a later run can take it as input.
   * @param name letters, digits, `.`, `_` and `-`; at most 100 characters
   */
  output(name: string): string
  /** Folder of a named reference data set on this machine (setting `DATASETS_DIR`), or undefined where it is missing. */
  dataset(name: string): string | undefined
}

export interface Method<Schema extends z.ZodObject = z.ZodObject> {
  title: string
  /** One or two sentences: what goes in, what comes out. */
  description: string
  /** Made of the kinds in `input.ts`, or of plain Zod types with `.meta({ label, hint })`. */
  input: Schema
  effort: Effort
  /**
   * A small real input that runs as it is, so that everybody can try the method with one click. Tables, vectors and
   * files are given as `{ name, text }`.
   */
  example?: Record<string, unknown>
  run(input: z.output<Schema>, context: RunContext): Promise<Block[]>
}

/**
 * When a figure counts as holding here. `within` is relative to the paper's value: 0.1 allows ten per cent either way.
 * Otherwise an absolute bound on our value.
 */
export type Tolerance = { within: number } | { atLeast: number } | { atMost: number } | { equals: number }

export interface ClaimCheck {
  /** The figure that came out here, in the claim's unit. */
  value: number
  /** On what: the data set and its size, in a few words. */
  on: string
  /** What a reader should know about how it came out. */
  notes?: string
  blocks?: Block[]
}

export interface Claim {
  /** Short and stable, such as `C1`. */
  id: string
  /** What the paper says, in a sentence of our own. */
  statement: string
  /** Where it says so: `abstract`, `table 3`. */
  where: string
  /** What the paper measured on: data and hardware. */
  setup: string
  kind: 'measured' | 'simulated' | 'analytic'
  /** The paper's figure; leave it out where the claim is a comparison without a figure. */
  value?: number
  /** Unit of both figures, such as `×` or `%`. */
  unit?: string
  /** What our figure is, where that needs saying: `PAM's SWAP time / FasterPAM's`. */
  measures: string
  tolerance: Tolerance
  effort: Effort
  /** Without it the claim is listed as not checked, with `pending` as the reason. */
  check?(context: RunContext): Promise<ClaimCheck>
  pending?: string
}

export interface Paper {
  /** Name of the folder, of the command and in the URL: lower-case letters, digits and `-`. */
  slug: string
  about: About
  methods: Record<string, Method>
  claims: Claim[]
}

/** What runs without being a paper's: methods with a page under /tools/<slug>, a command and an endpoint. */
export interface Tool {
  kind: 'tool'
  /** As a paper's; no paper has the same. */
  slug: string
  about: Pick<About, 'title' | 'summary'>
  methods: Record<string, Method>
  /** A tool claims nothing. */
  claims: []
}

// A paper's methods differ in their input types; the `any` lets each `run` keep its own inferred type.
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnyMethod = Method<any>

/** Gives one method its input type: `run`'s first argument is inferred from `input`. */
export function defineMethod<Schema extends z.ZodObject>(method: Method<Schema>): Method<Schema> {
  return method
}

const namePattern = /^[a-z][a-z0-9-]{0,39}$/

/**
 * Checks a paper's definition and gives it back. `methods` and `claims` may be left out: then the paper can be read here
 * but not run, and its page says so.
 *
 * @throws Error that names what is wrong with the definition: these are a developer's mistakes, found when it is loaded.
 */
export function definePaper(paper: {
  slug: string
  about: About
  methods?: Record<string, AnyMethod>
  claims?: Claim[]
}): Paper {
  const wrong = (what: string): never => {
    throw new Error(`paper '${paper.slug}': ${what}`)
  }
  checkNamed(paper, wrong)
  const { about } = paper
  if (!about.topics?.length) wrong('about.topics is empty')
  if (about.publishedAt && !/^\d{4}-\d\d(-\d\d)?$/.test(about.publishedAt))
    wrong(`about.publishedAt must be YYYY-MM-DD or YYYY-MM, found '${about.publishedAt}'`)
  if (about.code && !about.code.startsWith('https://')) wrong('about.code must be a https URL')
  const methods = paper.methods ?? {}
  checkMethods(methods, wrong)
  const ids = new Set<string>()
  for (const claim of paper.claims ?? []) {
    if (!/^[A-Za-z][A-Za-z0-9-]{0,19}$/.test(claim.id)) wrong(`claim id '${claim.id}' must be letters, digits and -`)
    if (ids.has(claim.id)) wrong(`claim id '${claim.id}' is there twice`)
    ids.add(claim.id)
    if (!claim.check && !claim.pending) wrong(`claim ${claim.id} has neither a check nor a reason why not (pending)`)
    if ('within' in claim.tolerance && claim.value === undefined)
      wrong(`claim ${claim.id} has a relative tolerance but no value`)
  }
  return { slug: paper.slug, about, methods, claims: paper.claims ?? [] }
}

/** Checks a tool's definition and gives it back. @throws Error that names what is wrong with it */
export function defineTool(tool: { slug: string; about: Tool['about']; methods: Record<string, AnyMethod> }): Tool {
  const wrong = (what: string): never => {
    throw new Error(`tool '${tool.slug}': ${what}`)
  }
  checkNamed(tool, wrong)
  if (!Object.keys(tool.methods ?? {}).length) wrong('methods are missing')
  checkMethods(tool.methods, wrong)
  return { kind: 'tool', slug: tool.slug, about: tool.about, methods: tool.methods, claims: [] }
}

function checkNamed({ slug, about }: { slug: string; about: Tool['about'] }, wrong: (what: string) => never): void {
  if (!namePattern.test(slug)) wrong('slug must be lower-case letters, digits and -, at most 40')
  if (!about?.title?.trim()) wrong('about.title is missing')
  if (!about.summary?.trim()) wrong('about.summary is missing')
}

function checkMethods(methods: Record<string, Method>, wrong: (what: string) => never): void {
  for (const [name, method] of Object.entries(methods)) {
    if (!namePattern.test(name)) wrong(`method '${name}': a name is lower-case letters, digits and -, at most 40`)
    if (!(method.input instanceof z.ZodObject)) wrong(`method '${name}': input must be a z.object`)
    for (const field of Object.keys(method.input.shape)) {
      if (!/^[a-zA-Z][a-zA-Z0-9]{0,39}$/.test(field))
        wrong(`method '${name}': input '${field}' must be camelCase letters and digits`)
      if (['seed', 'threads', 'json', 'example'].includes(field))
        wrong(`method '${name}': '${field}' is given by every run already`)
    }
  }
}

export type Verdict = 'holds' | 'does not hold here' | 'not checked'

/** Whether a figure that came out here holds against what the paper says. A figure that is not finite never holds. */
export function verdict(claim: Pick<Claim, 'value' | 'tolerance'>, ours: number): Verdict {
  const { tolerance } = claim
  if (!Number.isFinite(ours)) return 'does not hold here'
  const holds =
    'within' in tolerance
      ? Math.abs(ours - claim.value!) <= tolerance.within * Math.abs(claim.value!)
      : 'atLeast' in tolerance
        ? ours >= tolerance.atLeast
        : 'atMost' in tolerance
          ? ours <= tolerance.atMost
          : ours === tolerance.equals
  return holds ? 'holds' : 'does not hold here'
}

/** The tolerance as people read it: `at least 300`, `within 10 % of the paper`. */
export function describeTolerance(tolerance: Tolerance, unit = ''): string {
  // No line break between a number and its unit.
  const withUnit = (value: number) => `${value}${unit === '%' || unit === '' ? unit : `\u00a0${unit}`}`
  if ('within' in tolerance) return `within ${+(tolerance.within * 100).toPrecision(6)} % of the paper`
  if ('atLeast' in tolerance) return `at least ${withUnit(tolerance.atLeast)}`
  if ('atMost' in tolerance) return `at most ${withUnit(tolerance.atMost)}`
  return `exactly ${withUnit(tolerance.equals)}`
}
