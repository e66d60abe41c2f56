import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { newVault, tempDir } from '../harness.ts';
import { textOf } from './documents.ts';

/** The lines of Python that an auditor copies out of the page, on real proofs and on false ones. */

const [, script = ''] = /```python\n([\s\S]*?)```/.exec(textOf('docs/auditors.md')) ?? [];
const has = ['python3', 'openssl'].every((name) => spawnSync(name, ['version']).error === undefined);
if (!has) process.emitWarning('skipped: docs/auditors.md, since python3 or openssl is not installed');

it.skipIf(!has)('the lines for one event pass a proof of each event, and nothing else', async () => {
  const open = await newVault();
  for (let i = 0; i < 9; i++) await open.host.clients.list();
  await open.vault.follow();
  const dir = tempDir();
  const { key } = await open.host.audit.key();
  const check = (proof: string, vkey = key) => {
    for (const [name, text] of [
      ['check.py', script],
      ['proof', proof],
      ['log.key', `${vkey}\n`],
    ] as const)
      writeFileSync(join(dir, name), text);
    return spawnSync('python3', ['-B', 'check.py', 'proof', 'log.key'], { cwd: dir, encoding: 'utf8' });
  };
  const { size } = await open.host.audit.checkpoint();
  expect(size).toBeGreaterThan(9);
  const proofs: string[] = [];
  for (let index = 0; index < size; index++) {
    const { proof } = await open.host.audit.prove({ index });
    proofs.push(proof);
    const { status, stdout, stderr } = check(proof);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(`^event ${index} of ${size}, as strongroom/\\w+ signed it:\\n\\{"v":1,`),
    );
  }
  const [proof = '', other = ''] = [proofs[3], proofs[4]];
  const refuse = (text: string, vkey = key): void => {
    const { status, stdout } = check(text, vkey);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  };
  const line = (text: string, start: string): string =>
    text.split('\n').find((one) => one.startsWith(start)) ?? '';
  // Another event, another place, another size, another root; and one that another key signed.
  refuse(proof.replace(line(proof, 'extra '), line(other, 'extra ')));
  refuse(proof.replace('index 3', 'index 4'));
  refuse(proof.replace(`\n${size}\n`, `\n${size + 1}\n`));
  const [, root = ''] = new RegExp(`\n${size}\n(.*)\n`).exec(proof) ?? [];
  refuse(proof.replace(root, Buffer.alloc(32, 1).toString('base64')));
  refuse(proof, (await (await newVault()).host.audit.key()).key);
});
