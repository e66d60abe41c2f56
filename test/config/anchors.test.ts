import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/settings.ts';

const read = (...entries: string[]) =>
  readConfig(
    [
      'vault: { name: acme, environment: production }',
      'store: { url: "sqlite:vault.db" }',
      'masterKey: { provider: file, path: keys }',
      'anchors:',
      ...entries.map((entry) => `  - { ${entry} }`),
    ].join('\n'),
    '/srv/vault',
  );

function accepted(...entries: string[]) {
  const config = read(...entries);
  if ('problems' in config) return expect.fail(JSON.stringify(config.problems));
  return config.settings.anchors;
}

/** Line and path of each problem. */
function refused(...entries: string[]) {
  const config = read(...entries);
  return 'problems' in config ? config.problems.map(({ line, path }) => [line, path]) : [];
}

const WITNESS = `witness: "https://witness.example/", key: "witness.example+0a1b2c3d+BHNlY3JldA=="`;

describe('anchors', () => {
  test('are a folder, a place of HTTP, a program or a witness', () => {
    expect(
      accepted(
        'directory: worm, entries: true',
        'url: "https://keep.example/log", token: { file: token }, ca: /etc/ca.pem, required: false, every: 30s',
        'name: ours, command: /usr/local/bin/keep, every: 5m',
        WITNESS,
      ),
    ).toEqual([
      {
        name: 'directory',
        required: true,
        every: 60_000,
        kind: 'directory',
        path: '/srv/vault/worm',
        entries: true,
      },
      {
        name: 'url',
        required: false,
        every: 30_000,
        kind: 'url',
        url: 'https://keep.example/log/',
        tokenFile: '/srv/vault/token',
        ca: '/etc/ca.pem',
        entries: false,
      },
      { name: 'ours', required: true, every: 300_000, kind: 'command', program: '/usr/local/bin/keep' },
      {
        name: 'witness',
        required: true,
        every: 60_000,
        kind: 'witness',
        url: 'https://witness.example/',
        key: 'witness.example+0a1b2c3d+BHNlY3JldA==',
        ca: null,
      },
    ]);
  });

  test('are plain HTTP on loopback alone', () => {
    expect(accepted('url: "http://127.0.0.1:8080/"', 'name: six, url: "http://[::1]:8080"')).toHaveLength(2);
    expect(refused('url: "http://keep.example/"', 'witness: "http://10.0.0.5/", key: x')).toEqual([
      [5, 'anchors.0.url'],
      [6, 'anchors.1.witness'],
      [6, 'anchors.1.key'],
    ]);
  });

  test.each([
    ['required: false', 'anchors.0'],
    ['directory: a, url: "https://b/"', 'anchors.0.url'],
    ['directory: a, every: 1h', 'anchors.0.every'],
    ['directory: a, name: "A b"', 'anchors.0.name'],
    ['directory: a, token: { file: t }', 'anchors.0.token'],
    ['command: keep', 'anchors.0.command'],
    ['command: /bin/keep, entries: true', 'anchors.0.entries'],
    ['url: "https://user:secret@keep.example/"', 'anchors.0.url'],
    ['url: "https://keep.example/?token=secret"', 'anchors.0.url'],
    ['url: "ftp://keep.example/"', 'anchors.0.url'],
    ['witness: "https://witness.example/"', 'anchors.0'],
    ['directory: a, colour: red', 'anchors.0.colour'],
  ])('%s is refused', (entry, path) => {
    expect(refused(entry)).toEqual([[5, path]]);
    expect(JSON.stringify(read(entry))).not.toContain('secret');
  });

  test('have a name each', () => {
    expect(refused('directory: a', 'directory: b')).toEqual([[6, 'anchors.1.directory']]);
    expect(accepted('directory: a', 'directory: b, name: other').map(({ name }) => name)).toEqual([
      'directory',
      'other',
    ]);
  });
});
