import type { Offprint } from '@offprint/server'

declare global {
  namespace App {
    interface Locals {
      offprint: Offprint
    }
  }
}
