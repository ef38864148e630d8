import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'moe-lens',
  about: {
    arxiv: '2504.09345',
    title: 'MoE-Lens: Towards the Hardware Limit of High-Throughput MoE LLM Serving Under Resource Constraints',
    authorCount: 3,
    organization: 'University of Michigan',
    publishedAt: '2025-04-12',
    summary:
      'A mixture-of-experts model holds far more weights than one affordable GPU. For batch work they can lie in main memory: each layer streams over PCIe once a pass, matrix products run on the GPU and attention over the cache on the CPU. MoE-Lens works out how many tokens a second such a machine can give at most, and which part limits it: link, GPU, memory bandwidth, or simply how much memory there is for the cache. A schedule that overlaps prompts with decoding comes near that limit, 4.6 times ahead of the previous system on average. The model’s forecasts are right to about 6 %.',
    topics: ['llm serving', 'mixture of experts', 'performance prediction', 'offloading'],
  },
})
