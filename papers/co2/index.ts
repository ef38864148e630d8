import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'co2',
  about: {
    arxiv: '2401.16265',
    title: 'CO2: Efficient Distributed Training with Full Communication-Computation Overlap',
    authorCount: 8,
    publishedAt: '2024-01-29',
    venue: 'ICLR 2024',
    code: 'https://github.com/OpenNLPLab/CO2',
    summary:
      'When nodes are joined by slow links, data-parallel training spends most of its time waiting for gradients to be averaged. CO2 lets every worker take several steps alone and averages the parameters in the background during the next ones, so that nobody waits as long as the transfer fits behind the computing. The average then arrives one round late; a penalty that grows with the staleness and a clipped outer momentum keep training steady. Over an 80 Gb/s network with 128 GPUs the throughput rose thirteenfold against synchronous AdamW, with accuracy about the same.',
    topics: ['llm training', 'distributed training', 'collective communication'],
  },
})
