import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killLoop, seeded } from './kill.ts';

/** `npm run crash -- --kills 100 --seed 7`: the long kill -9 loop. */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const dir = mkdtempSync(join(tmpdir(), 'strongroom-crash-'));
say(`seed ${values.seed}, ${values.kills} kills`);
try {
  const { acknowledged } = await killLoop(dir, Number(values.kills), seeded(Number(values.seed)), say);
  say(`nothing lost of ${acknowledged} acknowledged answers`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
