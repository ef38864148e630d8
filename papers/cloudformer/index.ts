import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'cloudformer',
  about: {
    arxiv: '2509.03394',
    title: 'CloudFormer: An Attention-based Performance Prediction for Public Clouds with Unknown Workload',
    authorCount: 4,
    publishedAt: '2025-09-03',
    summary:
      'Virtual machines on one host fight over cache, memory bandwidth, disk and network, and the operator may not look inside them. This model reads 206 counters that the host sees every second, half of them about the machine in question and half about its neighbours, and says which share of its undisturbed speed the tenant gets now. One attention branch follows the seconds, another relates the counters to each other. On applications that it never saw in training the mean error is 7.8 points, at least 28 % below the best baseline. An operator can move or throttle a tenant before users complain.',
    topics: ['performance prediction', 'multi-tenancy'],
  },
})
