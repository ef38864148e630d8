import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'tpi-llm',
  about: {
    arxiv: '2410.00531',
    title: 'TPI-LLM: Serving 70B-scale LLMs Efficiently on Low-resource Edge Devices',
    authorCount: 4,
    publishedAt: '2024-10-01',
    code: 'https://github.com/Lizonghang/TPI-LLM',
    summary:
      'A few laptops at home are each too small for a large model, and their owners would rather keep their conversations private. With a pipeline all but one would idle for a single user; splitting every layer keeps all of them busy but synchronises twice a layer. TPI-LLM splits layers, finds that the delay of the links matters more than their bandwidth and uses a star-shaped reduction for that reason, and loads weights from disk just ahead of their use so that memory holds only a window. A 70-billion-parameter model then needs 3.1 GB on each of eight devices.',
    topics: ['llm serving', 'model parallelism', 'offloading'],
  },
})
