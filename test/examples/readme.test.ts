import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readConfig } from '../../src/config/settings.ts';
import { starter as starterFor } from '../../src/starter.ts';
import { parsePolicy } from '../../src/vault/policy/policy.ts';
import { PROJECT, textOf } from '../docs/documents.ts';
import { tempDir } from '../harness.ts';
import { strongroom } from '../served.ts';
import { paste, transcripts } from './running.ts';

it('the page of examples/ makes a vault that npm start serves, under the policy of the examples', async () => {
  const dir = tempDir();
  const [once] = transcripts('examples/README.md');
  const [install, ...setUp] = once?.lines ?? [];
  expect([install, setUp.pop()]).toEqual(['npm ci', 'npm start']);
  const said = paste(setUp, { '.strongroom': dir });
  expect(said).toMatch(/^Made a vault:/);
  const config = join(dir, 'strongroom.yaml');
  expect(readFileSync(config, 'utf8')).toBe(textOf('examples/strongroom.yaml'));
  // npm start begins so, and prints its lines to paste: the policy still has what they are for.
  const first = await strongroom(['init', '--if-absent', '--first-key', '--dir', dir]);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain('ask tokenise');
});

it('the policy of the examples has all that init writes, and a role for each program', () => {
  const [starter, examples] = [starterFor(null), textOf('examples/strongroom.yaml')].map((text) => {
    const config = readConfig(text, PROJECT);
    if ('problems' in config) return expect.fail(JSON.stringify(config.problems));
    const parsed = parsePolicy(config.policy);
    if ('problems' in parsed) return expect.fail(JSON.stringify(parsed.problems));
    return { settings: config.settings, policy: parsed.policy };
  });
  // What is fixed at the first value, or when a vault is made, is as it was: the file may take the other's place.
  expect(examples?.settings).toEqual(starter?.settings);
  expect(examples?.policy.purposes).toMatchObject(starter?.policy.purposes ?? {});
  expect(examples?.policy.roles).toMatchObject(starter?.policy.roles ?? {});
  for (const [name, collection] of Object.entries(starter?.policy.collections ?? {})) {
    const { purposes, overlap: _overlap, ...fixed } = collection;
    expect(examples?.policy.collections[name]).toMatchObject(fixed);
    expect(examples?.policy.collections[name]?.purposes).toEqual(expect.arrayContaining(purposes));
  }
  const pages = ['express', 'fastify', 'batch', 'python'].map((name) => textOf(`examples/${name}/README.md`));
  const used = pages.join('\n').match(/role:[a-z-]+/g) ?? [];
  const roles = Object.keys(examples?.policy.roles ?? {}).filter((role) => role !== 'settlement-service');
  expect(new Set(used)).toEqual(new Set(roles.map((role) => `role:${role}`)));
});

it('what is published has the client and its types, and no example', () => {
  const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: PROJECT,
    encoding: 'utf8',
  });
  const report: unknown = JSON.parse(packed);
  const text = JSON.stringify(report);
  expect(text).toContain('"dist/client/client.js"');
  expect(text).toContain('"dist/client/client.d.ts"');
  expect(text).not.toMatch(/"path":"(?:examples|test|bench)\//);
});
