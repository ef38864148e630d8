/** Models as text: JSON, with numbers of 64 bits as base64, so that what is opened is the same to the last bit. */
import { InputError } from '@offprint/kernels'
import type { KMeans } from './k-means.ts'
import type { MixtureModel } from './mixture.ts'

/** What is needed to place new rows by `nearestCentres`. */
export type CentresModel = Pick<KMeans, 'k' | 'columns' | 'centres'>

const format = 'offprint clustering model'
const version = 1
const arrays = { centres: ['centres'], mixture: ['shares', 'means', 'covariances'] } as const

/**
 * Writes a model (a result of `kMeans`, of its variants or of `gaussianMixture`) as text; labels are left out.
 *
 * @example
 * const text = saveModel(await kMeans(points, { k: 8 }))
 * const { labels } = await nearestCentres(others, openModel(text) as CentresModel)
 */
export function saveModel(model: CentresModel | MixtureModel): string {
  const kind = 'centres' in model ? 'centres' : 'mixture'
  const values = model as unknown as Record<string, Float64Array>
  return JSON.stringify({
    format,
    version,
    kind,
    k: model.k,
    columns: model.columns,
    ...('type' in model && { type: model.type }),
    ...Object.fromEntries(arrays[kind].map(name => [name, toBase64(values[name])])),
  })
}

/** Opens what `saveModel` has written. @throws InputError for text that is something else, of a newer version or damaged */
export function openModel(text: string): CentresModel | MixtureModel {
  const refuse = (found: string) =>
    new InputError('model', found, `text that saveModel has written (version ${version})`)
  let saved: Record<string, unknown>
  try {
    saved = JSON.parse(text)
  } catch {
    throw refuse('no JSON')
  }
  if (saved?.format !== format) throw refuse('JSON of another kind')
  if (saved.version !== version) throw refuse(`version ${saved.version}`)
  const { kind, k, columns, type } = saved as { kind: keyof typeof arrays; k: number; columns: number; type?: string }
  const whole = (value: number) => Number.isInteger(value) && value > 0
  if (!Object.hasOwn(arrays, kind) || !whole(k) || !whole(columns)) throw refuse('a model without its sizes')
  const covariances = { full: k * columns * columns, tied: columns * columns, diag: k * columns, spherical: k }
  if (kind === 'mixture' && !Object.hasOwn(covariances, type ?? '')) throw refuse(`the covariance type '${type}'`)
  const lengths = {
    centres: k * columns,
    shares: k,
    means: k * columns,
    covariances: covariances[type as keyof typeof covariances],
  }
  const read = Object.fromEntries(
    arrays[kind].map(name => {
      const values = fromBase64(saved[name])
      if (values?.length !== lengths[name] || !values.every(Number.isFinite)) throw refuse(`damaged ${name}`)
      return [name, values]
    }),
  )
  return { k, columns, ...(type && { type }), ...read } as CentresModel | MixtureModel
}

function toBase64(values: Float64Array): string {
  const bytes = new Uint8Array(8 * values.length)
  const view = new DataView(bytes.buffer)
  for (const [at, value] of values.entries()) view.setFloat64(8 * at, value, true)
  let letters = ''
  for (const byte of bytes) letters += String.fromCharCode(byte)
  return btoa(letters)
}

function fromBase64(text: unknown): Float64Array | undefined {
  try {
    const bytes = Uint8Array.from(atob(text as string), letter => letter.charCodeAt(0))
    if (bytes.length % 8) return undefined
    const view = new DataView(bytes.buffer)
    return Float64Array.from({ length: bytes.length / 8 }, (_, at) => view.getFloat64(8 * at, true))
  } catch {
    return undefined
  }
}
