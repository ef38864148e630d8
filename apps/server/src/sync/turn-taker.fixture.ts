/** A process that asks the address of its second argument and keeps the turn until it is killed. */
import { pacedGet } from './pace.ts'

const [, , folder, address] = process.argv
const { status } = await pacedGet(folder, { everyMs: 0 })(address, { allowPrivate: [new URL(address).host] })
console.log(status)
setInterval(() => {}, 1000)
