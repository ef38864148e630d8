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
      'A row of GPU servers has a fixed power contract and is filled by rated power, yet serving language models rarely draws it: prompts burst to the limit for a moment, token generation stays well below. Adding servers to the row is free capacity unless a peak trips the breaker. POLCA watches the power of the row and lowers clocks in two stages, low-priority work first, in time for slow and unreliable controls. In the study 30 % more servers fit into the same row with little loss of latency and no emergency braking. An operator can try it on his own load first.',
    topics: ['power', 'llm serving', 'capacity planning', 'data centers'],
  },
})
