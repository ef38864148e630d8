import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'zaya1',
  about: {
    arxiv: '2511.17127',
    title: 'Training Foundation Models on a Full-Stack AMD Platform: Compute, Networking, and System Design',
    organization: 'Zyphra',
    publishedAt: '2025-11-21',
    summary:
      'Advice on sizing models and clusters is written mostly for one vendor’s hardware. This report covers a full training run on AMD: 1,024 MI300X GPUs joined by Pollara network cards. It measures matrix products and memory bandwidth over shapes, and collectives over sizes and numbers of GPUs, and derives rules for widths, batch and bucket sizes that keep each part near its peak. Operations are described too: restarting after faults and moving a checkpoint between layouts. The resulting mixture-of-experts model has 8.3 billion parameters of which 760 million are active. Planners can check their own shapes against such rules.',
    topics: ['llm training', 'gpu kernels', 'collective communication', 'mixture of experts', 'checkpointing'],
  },
})
