import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'projektor',
  about: {
    arxiv: '2307.02460',
    title: 'Performance Scaling via Optimal Transport: Enabling Data Selection from Partially Revealed Sources',
    authorCount: 4,
    publishedAt: '2023-07-05',
    venue: 'NeurIPS 2023',
    code: 'https://github.com/ruoxi-jia-group/projektor',
    summary:
      'Training data is for sale from several sources, of which each shows only a small sample. In which ratio should a buyer mix them, and how good will the model be at full size? The method measures how far a mixture of the samples lies from the validation data by optimal transport, fits a simple relation between that distance and accuracy at two small scales, and extends it to the scale that is wanted. Few trainings suffice: with about a dozen it predicts better than laws in the ratio alone do with many. The best ratio is then found by gradient steps.',
    topics: ['data selection', 'optimal transport', 'scaling laws', 'performance prediction'],
  },
})
