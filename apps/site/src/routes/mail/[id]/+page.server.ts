import { error } from '@sveltejs/kit'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint }, params }) => {
  const message = /^\d{1,15}$/.test(params.id) ? offprint.mail.message(Number(params.id)) : undefined
  if (!message) error(404, `There is no mail ${params.id.slice(0, 20)}.`)
  return { message, sends: offprint.mail.overview().server !== undefined }
}
