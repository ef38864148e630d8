/** Authors as arXiv has them in one line of text. */
import { oneLine } from '../text.ts'

const suffix = /^(?:Jr|Sr|II|III|IV)\.?$/i
const etAl = /(?:^|\s)et\.? al\b.*$/i
const collaborationPrefix = /^(.*\b(?:collaborations?|group|team|consortium))\s*:\s*/i
const onBehalf = /^(?:on behalf of|for) the (?=.*\bcollaborations?$)/i

/**
 * The names in a line of authors: `BELLE Collaboration: A. One (1), B. Two, Jr. and C. Three ((1) KEK), et al` names the
 * collaboration and three people. Affiliations, which stand in parentheses, are left out.
 */
export function parseAuthorString(text: string): string[] {
  const names: string[] = []
  // A thin space (`A.\,B. Name`) is no comma.
  const line = oneLine(withoutParentheses(text)).replaceAll('\\,', ' ')
  for (const part of line.split(/,(?: and (?=\S))?|\s(?:and|&|\\&)\s/)) {
    let name = part.trim().replace(etAl, '')
    const collaboration = collaborationPrefix.exec(name)
    if (collaboration) {
      names.push(collaboration[1].trim())
      name = name.slice(collaboration[0].length)
    }
    name = oneLine(name.replace(onBehalf, ''))
    if (suffix.test(name) && names.length) names[names.length - 1] += ` ${name}`
    else if (name) names.push(name)
  }
  return names
}

/** Leaves out what stands in parentheses, also in nested ones; one that is never closed goes to the end. */
function withoutParentheses(text: string): string {
  let kept = ''
  let depth = 0
  for (const piece of text.split(/([()])/)) {
    if (piece === '(') depth++
    else if (piece === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) kept += `${piece} `
  }
  return kept
}
