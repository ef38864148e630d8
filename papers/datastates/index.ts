import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'datastates',
  about: {
    arxiv: '2406.10707',
    title: 'DataStates-LLM: Lazy Asynchronous Checkpointing for Large Language Models',
    authorCount: 5,
    publishedAt: '2024-06-15',
    venue: 'HPDC 2024',
    code: 'https://github.com/DataStates/datastates-llm',
    summary:
      'Saving the state of a large training job takes tens of gigabytes a GPU, and the usual way stops training until all of it is written. But parameters change only in the update step: during the forward and backward passes that follow they stand still and can be copied meanwhile. DataStates uses this window. Shards stream through one preallocated pinned ring in host memory, and from there to disk, while training goes on; only the next update waits if copying is late. Checkpoints are up to 48 times faster as training sees them, and whole runs up to 2.2 times.',
    topics: ['checkpointing', 'llm training', 'storage', 'fault tolerance'],
  },
})
