import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'efficientllm',
  about: {
    arxiv: '2505.13840',
    title: 'EfficientLLM: Efficiency in Large Language Models',
    publishedAt: '2025-05',
    summary:
      'Every technique that makes language models cheaper is published with a metric and a machine of its own, so they can hardly be compared. Here more than a hundred pairs of model and technique are measured on one cluster by the same six yardsticks: memory, compute use, latency, throughput, power and compression. Attention variants, mixtures of experts, adapter methods and quantisation all take part. Nothing wins everywhere: experts improve quality but need 40 % more memory, four-bit weights shrink a model almost fourfold and cost a few points. State your limits and see which choices remain.',
    topics: ['benchmarks', 'llm training', 'llm serving', 'quantization', 'power'],
  },
})
