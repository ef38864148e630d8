import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'uwfq',
  about: {
    arxiv: '2510.15485',
    title:
      'Balancing Fairness and Performance in Multi-User Spark Workloads with Dynamic Scheduling (extended version)',
    authorCount: 4,
    publishedAt: '2025-10-17',
    code: 'https://github.com/kazemaksOG/spark-benchmark-tool',
    summary:
      'Several people share one long-running Spark application. First come, first served lets one big job block everybody; sharing among jobs rewards those who submit many. UWFQ imagines an ideal system that shares the cores among users, works out in which order jobs would finish there, and runs them whole in that order. A second part cuts long tasks by their estimated run time, so that short urgent jobs need not wait behind them. Small jobs finish up to 74 % sooner than with the schedulers compared, and occasional users are protected from heavy ones. Replay your own event log to see the effect.',
    topics: ['scheduling', 'multi-tenancy'],
  },
})
