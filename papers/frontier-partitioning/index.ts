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
      'Cutting a model’s weights, gradients and optimizer states over all devices makes it fit, at the price of moving the whole model several times a step over the slowest link. Frontier has three kinds of link: between the two dies of a package, between packages of a node, and between nodes. This work chooses for each kind of state on which level it is cut, and quantises what must travel, so that most traffic stays on the fast levels. A planner can use the same reasoning for any machine with uneven links: does the model fit, how fast does it train, what error do fewer bits add.',
    topics: ['llm training', 'distributed training', 'collective communication', 'quantization'],
  },
})
