import { expect, it } from 'vitest';
import { anchorSchema } from '../../src/config/anchors.ts';
import { readConfig } from '../../src/config/settings.ts';
import { storeSchema } from '../../src/config/store.ts';
import { FORMAT_NAMES, formats } from '../../src/formats/catalogue.ts';
import { parsePolicy } from '../../src/vault/policy/policy.ts';
import { coded, tableOf, textOf } from './documents.ts';

const page = textOf('docs/configuration.md');
const [, example = ''] = page.split('```yaml\n').map((part) => part.split('```')[0] ?? '');

/** The paths of an object's keys: `server.tls.cert`. A name that somebody chose is NAME. */
function pathsOf(node: unknown, at = ''): string[] {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return [named(at)];
  return Object.entries(node).flatMap(([key, child]) => pathsOf(child, at === '' ? key : `${at}.${key}`));
}

const named = (path: string): string => path.replace(/^(purposes|collections|roles)\.[^.]+/, '$1.NAME');

/** The keys of `store` that hold others. */
const STORE: Readonly<Record<string, string>> = { password: 'store.password.file' };

/** The keys in the table of a part of the page. */
const keysIn = (part: string): string[] => tableOf(part, 'key').flatMap(([cell = '']) => coded(cell));

const [settingsPart = '', policyPart = ''] = page.split('\n## ').slice(1);
it('docs/configuration.md has a file that uses every key of the settings, and names them', () => {
  const config = readConfig(example, '/etc/strongroom');
  if ('problems' in config) return expect.fail(JSON.stringify(config.problems));
  // The store's URL is read into an engine and a place.
  const { store: _store, anchors: _anchors, ...settings } = config.settings;
  const keys = [
    ...pathsOf(settings),
    'anchors[]',
    ...Object.keys(anchorSchema.shape).map((key) => `anchors[].${key}`),
    ...Object.keys(storeSchema.shape).map((key) => STORE[key] ?? `store.${key}`),
  ];
  expect(keysIn(settingsPart).toSorted()).toEqual(keys.toSorted());
});

it('docs/configuration.md names every key of the policy but those of a format, and no other', () => {
  const config = readConfig(example, '/etc/strongroom');
  const parsed = parsePolicy('policy' in config ? config.policy : {});
  if ('problems' in parsed) return expect.fail(JSON.stringify(parsed.problems));
  // Every default is filled in, so that a key which is new to the schema is met here.
  const own = FORMAT_NAMES.flatMap((name) => Object.keys(formats[name].shape));
  const keys = pathsOf(parsed.policy).filter((path) => !own.includes(path.split('.')[2] ?? ''));
  expect(keysIn(policyPart).toSorted()).toEqual([...new Set(keys)].toSorted());
});

it('docs/configuration.md names every format', () => {
  const [, , formatsCell = ''] =
    tableOf(policyPart, 'key').find(([cell]) => cell === '`collections.NAME.format`') ?? [];
  expect(coded(formatsCell)).toEqual(FORMAT_NAMES);
});
