import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'frontier-partitioning',
  about: {
    arxiv: '2501.04266',
    title: 'Scaling Large Language Model Training on Frontier with Low-Bandwidth Partitioning',
    authorCount: 7,
    organization: 'Ohio State University',
    publishedAt: '2025-01-07',
    summary:
      'A model fits when all its training state is cut over every device, but then the whole of it crosses the slowest link several times a step. Frontier has three kinds of link: between the two dies of a package, between packages of a node, and between nodes. This work chooses for each kind of state on which level it is cut, and quantises what must travel, so that most traffic stays on the fast levels. A model with 20 billion parameters trains 1.71 times faster per GPU than with ZeRO++. A planner can use the same reasoning for any machine with uneven links.',
    topics: ['llm training', 'distributed training', 'collective communication', 'quantization'],
  },
})
