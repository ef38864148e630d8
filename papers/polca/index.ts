import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'polca',
  about: {
    arxiv: '2308.12908',
    title: 'POLCA: Power Oversubscription in LLM Cloud Providers',
    authorCount: 7,
    publishedAt: '2023-08-24',
    venue: 'ASPLOS 2024',
    summary:
      'A row of GPU servers has a fixed power contract and is filled by rated power, yet servers that answer with language models seldom draw so much: a prompt reaches the limit for a moment, token generation stays well below. More servers could share the contract if no peak ever trips the breaker. POLCA watches the power of the row and lowers clocks in two stages, low-priority work first, in time for slow and unreliable controls. In the study 30 % more servers fit into the same row with little loss of latency and no emergency braking. An operator learns how many servers a given load leaves room for.',
    topics: ['power', 'llm serving', 'capacity planning'],
  },
})
