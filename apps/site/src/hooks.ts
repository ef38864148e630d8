import type { Transport } from '@sveltejs/kit/hooks'
import { ShownPaper } from '#lib/shown-paper.ts'

/** Papers on lists are not written into pages a second time, as data: no script there reads it. */
export const transport: Transport = {
  ShownPaper: {
    encode: value => value instanceof ShownPaper && [0],
    decode: () => undefined,
  },
}
