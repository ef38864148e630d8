/** Topics keep their ids, and so their addresses, while papers come and go. */
import type { Topic } from './types.ts'

/**
 * Gives newly computed topics the ids that the same topics had before. A topic is the same where its medoid stayed, or
 * else where most of the old one's members stayed together.
 */
export function keepTopicIds(before: readonly Topic[], computed: readonly Topic[]): Topic[] {
  const matches: { old: Topic; topic: Topic; score: number }[] = []
  for (const old of before) {
    const keys = new Set(old.members.map(member => member.key))
    for (const topic of computed) {
      const shared = topic.members.filter(member => keys.has(member.key)).length
      if (old.medoid === topic.medoid) matches.push({ old, topic, score: 2 })
      else if (shared > keys.size / 2)
        matches.push({ old, topic, score: shared / (keys.size + topic.members.length - shared) })
    }
  }
  matches.sort((a, b) => b.score - a.score)
  const ids = new Map<Topic, string>()
  const used = new Set<string>()
  for (const { old, topic } of matches) {
    if (ids.has(topic) || used.has(old.id)) continue
    ids.set(topic, old.id)
    used.add(old.id)
  }
  return computed.map(topic => {
    const kept = ids.get(topic)
    if (kept !== undefined) return { ...topic, id: kept }
    let id = topic.id
    for (let number = 2; used.has(id); number++) id = `${topic.id}-${number}`
    used.add(id)
    return { ...topic, id }
  })
}
