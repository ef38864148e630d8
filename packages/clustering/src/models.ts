/** Models as text: JSON, with arrays of numbers as base64, so that what is opened is the same to the last bit. */
import { InputError, metrics } from '@offprint/kernels'
import type { MedoidsModel } from './assign-to-medoids.ts'
import type { DbscanModel } from './dbscan.ts'
import type { HdbscanModel } from './hdbscan.ts'
import { type Hierarchy, linkages } from './hierarchical.ts'
import { type CentresModel, centresMetrics } from './k-means.ts'
import type { MixtureModel } from './mixture.ts'

export type SavedModel = CentresModel | MixtureModel | MedoidsModel | DbscanModel | HdbscanModel | Hierarchy

const format = 'offprint clustering model'
const version = 2
/** Centres of version 1 have no metric: they are euclidean. */
const oldest = 1

type Numbers = Float64Array | Float32Array | Int32Array | Uint32Array
type NumbersType = typeof Float64Array | typeof Float32Array | typeof Int32Array | typeof Uint32Array
const arrays = {
  centres: { centres: Float64Array },
  mixture: { shares: Float64Array, means: Float64Array, covariances: Float64Array },
  medoids: { medoidRows: Float32Array },
  dbscan: { cores: Float32Array, coreLabels: Int32Array },
  hdbscan: {
    rows: Float32Array,
    coreDistances: Float64Array,
    parents: Int32Array,
    births: Float64Array,
    deaths: Float64Array,
    clusterOf: Int32Array,
    labelOf: Int32Array,
  },
  hierarchy: { merges: Float64Array, leafOf: Uint32Array },
} as const
type Kind = keyof typeof arrays

function kindOf(model: SavedModel): Kind {
  const values = Object(model) as Record<string, unknown>
  for (const [kind, types] of Object.entries(arrays))
    if (Object.entries(types).every(([name, type]) => values[name] instanceof type)) return kind as Kind
  const names = Object.keys(values).slice(0, 4)
  throw new InputError(
    'model',
    names.length ? `something with ${names.join(', ')}` : 'nothing of a model',
    'a result of kMeans or its variants, gaussianMixture or agglomerative, the `model` of a result of dbscan or hdbscan, or what medoidsModel gives',
  )
}

/**
 * Writes a model as text: a result of `kMeans`, of its variants, of `gaussianMixture` or of `agglomerative`, the `model` of a result
 * of `dbscan` or `hdbscan`, or what `medoidsModel` gives. Labels are left out.
 *
 * @throws InputError for anything else
 *
 * @example
 * const text = saveModel(await kMeans(points, { k: 8 }))
 * const { labels } = await nearestCentres(others, openModel(text) as CentresModel)
 */
export function saveModel(model: SavedModel): string {
  const kind = kindOf(model)
  const values = model as unknown as Record<string, Numbers>
  const { k, columns, type, eps, minPts, metric, linkage, notes } = model as Partial<
    CentresModel & MixtureModel & DbscanModel & HdbscanModel & Hierarchy
  >
  return JSON.stringify({
    format,
    version,
    kind,
    ...(kind === 'centres' || kind === 'mixture' ? { k, columns, type: kind === 'mixture' ? type : undefined } : {}),
    ...(kind === 'centres' && { metric: metric ?? 'euclidean' }),
    ...(kind === 'medoids' && { columns, metric }),
    ...(kind === 'dbscan' && { columns, eps, metric }),
    ...(kind === 'hdbscan' && { columns, minPts, metric }),
    ...(kind === 'hierarchy' && { linkage, notes }),
    ...Object.fromEntries(Object.keys(arrays[kind]).map(name => [name, toBase64(values[name])])),
  })
}

/** Opens what `saveModel` has written. @throws InputError for text that is something else, of a newer version or damaged */
export function openModel(text: string): SavedModel {
  const refuse: Refuse = found => new InputError('model', found, `text that saveModel has written (version ${version})`)
  let saved: Record<string, unknown>
  try {
    saved = JSON.parse(text)
  } catch {
    throw refuse('no JSON')
  }
  if (saved?.format !== format) throw refuse('JSON of another kind')
  if (!(Number(saved.version) >= oldest && Number(saved.version) <= version)) throw refuse(`version ${saved.version}`)
  const kind = saved.kind as Kind
  const { k, columns, type, eps, minPts } = saved as Record<string, number> & { type?: string }
  const metric = kind === 'centres' && saved.version === 1 ? 'euclidean' : saved.metric
  if (kind === 'hierarchy') return openHierarchy(saved, refuse)
  const whole = (value: number) => Number.isInteger(value) && value > 0
  const withK = kind === 'centres' || kind === 'mixture'
  if (!Object.hasOwn(arrays, kind) || !whole(columns) || (withK && !whole(k))) throw refuse('a model without its sizes')
  const covariances = { full: k * columns * columns, tied: columns * columns, diag: k * columns, spherical: k }
  if (kind === 'mixture' && !Object.hasOwn(covariances, type ?? '')) throw refuse(`the covariance type '${type}'`)
  const known: readonly unknown[] = kind === 'centres' ? centresMetrics : metrics
  if (kind !== 'mixture' && !known.includes(metric)) throw refuse(`the metric '${metric}'`)
  if (kind === 'dbscan' && !(eps >= 0 && eps < Infinity)) throw refuse(`eps ${eps}`)
  if (kind === 'hdbscan' && !whole(minPts)) throw refuse(`minPts ${minPts}`)
  const read: Record<string, Numbers> = {}
  for (const [name, type] of Object.entries(arrays[kind])) read[name] = numbersIn(saved, name, type, refuse)
  const [rows, clusters] = [read.coreDistances?.length, read.parents?.length]
  const lengths: Record<string, number> = {
    centres: k * columns,
    shares: k,
    means: k * columns,
    covariances: covariances[type as keyof typeof covariances],
    cores: read.coreLabels?.length * columns,
    rows: rows * columns,
    clusterOf: rows,
    births: clusters,
    deaths: clusters,
    labelOf: clusters,
  }
  for (const [name, values] of Object.entries(read))
    if (Object.hasOwn(lengths, name) && values.length !== lengths[name]) throw refuse(`damaged ${name}`)
  // What is followed when new rows are placed must lead somewhere.
  if (read.parents?.some((parent, cluster) => parent >= cluster || parent < (cluster ? 0 : -1)))
    throw refuse('damaged parents')
  if (read.clusterOf?.some(cluster => cluster < 0 || cluster >= clusters)) throw refuse('damaged clusterOf')
  if (kind === 'medoids' && (!read.medoidRows.length || read.medoidRows.length % columns))
    throw refuse('damaged medoidRows')
  if (kind === 'hdbscan' && (!rows || minPts > rows)) throw refuse('a model without rows')
  return {
    ...(withK && { k }),
    columns,
    ...(type && { type }),
    ...(kind !== 'mixture' && { metric }),
    ...(kind === 'dbscan' && { eps }),
    ...(kind === 'hdbscan' && { minPts }),
    ...read,
  } as unknown as SavedModel
}

type Refuse = (found: string) => InputError

function openHierarchy(saved: Record<string, unknown>, refuse: Refuse): Hierarchy {
  const linkage = linkages.find(one => one === saved.linkage)
  if (!linkage) throw refuse(`the linkage '${saved.linkage}'`)
  const notes = saved.notes as string[]
  if (!Array.isArray(notes) || !notes.every(note => typeof note === 'string')) throw refuse('damaged notes')
  const merges = numbersIn(saved, 'merges', Float64Array, refuse)
  const leafOf = numbersIn(saved, 'leafOf', Uint32Array, refuse)
  const leaves = merges.length / 4 + 1
  // Each cluster is there before it is merged, and is merged once; heights do not fall.
  const merged = new Set<number>()
  let height = 0
  for (let at = 0; at < merges.length; at += 4) {
    const pair = merges.subarray(at, at + 2)
    const isCluster = (one: number) => Number.isInteger(one) && one >= 0 && one < leaves + at / 4 && !merged.has(one)
    if (!pair.every(isCluster) || pair[0] === pair[1] || !(merges[at + 2] >= height) || !(merges[at + 3] >= 0))
      throw refuse('damaged merges')
    for (const one of pair) merged.add(one)
    height = merges[at + 2]
  }
  if (!leafOf.length || leafOf.some(leaf => leaf >= leaves)) throw refuse('damaged leafOf')
  return { linkage, leaves, merges, leafOf, notes }
}

function numbersIn<Type extends NumbersType>(
  saved: Record<string, unknown>,
  name: string,
  type: Type,
  refuse: Refuse,
): InstanceType<Type> {
  const values = fromBase64(saved[name], type)
  if (!values?.every(Number.isFinite)) throw refuse(`damaged ${name}`)
  return values as InstanceType<Type>
}

function toBase64(values: Numbers): string {
  const bytes = new Uint8Array(values.byteLength)
  const view = new DataView(bytes.buffer)
  for (const [at, value] of values.entries())
    if (values instanceof Float64Array) view.setFloat64(8 * at, value, true)
    else if (values instanceof Float32Array) view.setFloat32(4 * at, value, true)
    else if (values instanceof Uint32Array) view.setUint32(4 * at, value, true)
    else view.setInt32(4 * at, value, true)
  let letters = ''
  for (const byte of bytes) letters += String.fromCharCode(byte)
  return btoa(letters)
}

function fromBase64(text: unknown, type: NumbersType): Numbers | undefined {
  try {
    const bytes = Uint8Array.from(atob(text as string), letter => letter.charCodeAt(0))
    const size = type.BYTES_PER_ELEMENT
    if (bytes.length % size) return undefined
    const view = new DataView(bytes.buffer)
    const read = {
      [Float64Array.name]: (at: number) => view.getFloat64(at, true),
      [Float32Array.name]: (at: number) => view.getFloat32(at, true),
      [Int32Array.name]: (at: number) => view.getInt32(at, true),
      [Uint32Array.name]: (at: number) => view.getUint32(at, true),
    }[type.name]
    const values = new type(bytes.length / size)
    for (let at = 0; at < values.length; at++) values[at] = read(size * at)
    return values
  } catch {
    return undefined
  }
}
