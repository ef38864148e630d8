/** A thread that ends its process once the process that started it is gone. */
import { workerData } from 'node:worker_threads'

setInterval(() => {
  if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL')
}, 250)
