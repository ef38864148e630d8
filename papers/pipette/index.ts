import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'pipette',
  about: {
    arxiv: '2405.18093',
    title: 'Pipette: Automatic Fine-grained Large Language Model Training Configurator for Real-World Clusters',
    authorCount: 7,
    publishedAt: '2024-05-28',
    venue: 'DATE 2024',
    code: 'https://github.com/yimjinkyu1/date2024_pipette',
    summary:
      'How should a model be split over a cluster: by tensors, by layers or by data, how large should a micro-batch be, and where does each part go? Planners usually assume that links of one kind are equally fast and then recommend splits that run out of memory. Pipette measures every pair of nodes first, estimates a step with the part of the pipeline that hides communication and the part that does not, predicts memory with a small learned model, and searches placements by simulated annealing. Its plans run faster than those of earlier planners on the same clusters, and they fit.',
    topics: ['llm training', 'model parallelism', 'performance prediction'],
  },
})
