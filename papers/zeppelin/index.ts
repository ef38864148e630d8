import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'zeppelin',
  about: {
    arxiv: '2509.21841',
    title: 'Zeppelin: Balancing Variable-length Workloads in Data Parallel Large Model Training',
    authorCount: 10,
    publishedAt: '2025-09-26',
    venue: 'EuroSys 2026',
    summary:
      'One batch mixes documents of a hundred and of a hundred thousand tokens. Attention costs the square of the length, all else the length, so packing equal tokens on every GPU leaves attention uneven, and cutting each document over all GPUs burdens the short ones with needless transfers. Zeppelin keeps short documents on one GPU, spreads middling ones within a node and only the longest over several, routes traffic over idle network cards, and rearranges data between attention and the other layers. Training ran 2.8 times faster on average than with even splitting over all GPUs.',
    topics: ['llm training', 'distributed training', 'networking'],
  },
})
