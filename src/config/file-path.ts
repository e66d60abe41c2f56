import { z } from 'zod';

/** A path in the file: relative to it, or absolute. */
export const filePath = z
  .string()
  .min(1, 'must be a path')
  .regex(/^[^\0]*$/, 'must be a path');
