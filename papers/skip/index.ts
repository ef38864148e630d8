import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'skip',
  about: {
    arxiv: '2504.11750',
    title: 'Characterizing and Optimizing LLM Inference Workloads on CPU-GPU Coupled Architectures',
    authorCount: 6,
    publishedAt: '2025-04-16',
    venue: 'ISPASS 2025',
    summary:
      'With small batches a language model often waits for the CPU that launches its kernels, not for the GPU, and a single latency figure cannot show it. SKIP reads ordinary profiler traces, ties every operator to its launches and kernels, and measures launch and queueing time. The point where that measure turns up marks the batch size from which the GPU is the limit. On a tightly coupled machine this point lies at about four times larger batches than on PCIe systems. The tool also proposes chains of kernels worth fusing, and bounds what that could gain.',
    topics: ['llm serving', 'gpu kernels', 'performance prediction'],
  },
})
