import { expect, it } from 'vitest';
import { tempDir } from '../harness.ts';
import { killLoop, seeded } from './kill.ts';

it('kill -9 under load loses nothing that was acknowledged, and the log verifies', async () => {
  const { acknowledged } = await killLoop(tempDir(), 3, seeded(20_261_122), () => undefined);
  expect(acknowledged).toBeGreaterThan(100);
}, 600_000);
