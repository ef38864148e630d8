/** Topics keep their ids, and so their addresses, and their names while papers come and go. */
import { bestMatching } from '@offprint/clustering'
import type { Topic } from './types.ts'

/**
 * Gives newly computed topics the ids that the same topics had before, and their words in the order that they had, as far as
 * they still tell the topic from the rest. A topic can be the same where its medoid stayed, or else where most of the old
 * one's members stayed together; of all ways to match old topics with new ones the best counts.
 */
export function keepTopicIds(before: readonly Topic[], computed: readonly Topic[]): Topic[] {
  const topicOf = new Map(computed.flatMap(({ members }, at) => members.map(({ key }) => [key, at] as const)))
  const scores = new Float64Array(computed.length * before.length)
  for (const [at, old] of before.entries()) {
    const shared = new Map<number, number>()
    for (const { key } of old.members) {
      const topic = topicOf.get(key)
      if (topic !== undefined) shared.set(topic, (shared.get(topic) ?? 0) + 1)
    }
    for (const [index, topic] of computed.entries()) {
      const both = shared.get(index) ?? 0
      const alike = both / (old.members.length + topic.members.length - both)
      // A medoid that stayed outweighs any members.
      if (old.medoid === topic.medoid) scores[index * before.length + at] = 2 + alike
      else if (both > old.members.length / 2) scores[index * before.length + at] = alike
    }
  }
  const { columns } = bestMatching(scores, computed.length, before.length)
  const matched = computed.map((_, index) => {
    const at = columns[index]
    return at >= 0 && scores[index * before.length + at] > 0 ? before[at] : undefined
  })
  const used = new Set(matched.flatMap(old => old?.id ?? []))
  return computed.map((topic, index) => {
    const old = matched[index]
    if (old) return { ...topic, id: old.id, words: keepOrder(old.words, topic.words) }
    let id = topic.id
    for (let number = 2; used.has(id); number++) id = `${topic.id}-${number}`
    used.add(id)
    return { ...topic, id }
  })
}

function keepOrder(before: readonly string[], now: readonly string[]): string[] {
  const stayed = before.filter(word => now.includes(word))
  return [...stayed, ...now.filter(word => !stayed.includes(word))]
}
