import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'holmes',
  about: {
    arxiv: '2312.03549',
    title: 'Holmes: Towards Distributed Training Across Clusters with Heterogeneous NIC Environment',
    authorCount: 8,
    organization: 'Zhejiang Lab',
    publishedAt: '2023-12-06',
    venue: 'ICPP 2024',
    summary:
      'A team owns several GPU clusters from different years: one with InfiniBand, one with RoCE, joined by plain Ethernet. A job over both usually falls back to Ethernet everywhere. Holmes numbers the ranks so that the groups with heavy traffic, tensor and data parallel, stay among cards of one kind, and lets only the light traffic between pipeline stages cross. Each group picks the best transport that its members share, and layers are divided by the speed of each part. Training over mixed cards then runs nearly as fast as on a uniform cluster and clearly faster than on Ethernet alone.',
    topics: ['llm training', 'distributed training', 'networking', 'model parallelism'],
  },
})
