import { z } from 'zod';
import type { Problem } from './format.ts';

/** Said out loud where a token could pass for something that is somebody's. */
export const payable = z.literal('accepted').nullable().default(null);

/** @param could what a token could be, as `a token could be somebody's account number` */
export const payableProblem = (could: string, instead: string): Problem => ({
  path: ['payable'],
  problem: could,
  instead,
});
