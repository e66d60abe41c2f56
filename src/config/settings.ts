import { resolve } from 'node:path';
import { z } from 'zod';
import { isLoopback } from './address.ts';
import { anchorSettings, anchorsSchema, type AnchorSettings } from './anchors.ts';
import { filePath } from './file-path.ts';
import { host, notInClear, port, proxy, tls } from './listener.ts';
import { problemAt, schemaProblems } from './problem.ts';
import type { ConfigProblem, LineOf } from './problem.ts';
import { type StoreSettings, storeSchema, storeSettings } from './store.ts';
import { readYaml } from './yaml.ts';

/** What belongs to a process. Every path is absolute. */
export interface Settings {
  vault: { name: string; environment: string };
  server: {
    host: string;
    /** 0 asks the system for a free one. */
    port: number;
    /** Paths of PEM files. */
    tls: { cert: string; key: string } | null;
    /** Subnets (`10.0.0.7/32`) whose hosts end TLS for us: off loopback, nobody else may connect. */
    proxy: { addresses: readonly string[] } | null;
    /** A listener of its own for `/metrics`. Off loopback it has the server's TLS, unless `inClear` was accepted. */
    metrics: { host: string; port: number; inClear: 'accepted' | null } | null;
  };
  store: StoreSettings;
  masterKey: { provider: 'file'; path: string };
  /** Places off the host that keep what the log was. */
  anchors: readonly AnchorSettings[];
}

/** The keys of the policy that a file has, not yet checked. */
export interface PolicyPart {
  policy: Record<string, unknown>;
  lineOf: LineOf;
}

export interface Config extends PolicyPart {
  settings: Settings;
}

/** Why a file cannot be used; its policy too where it has one to read, so that all can be told at once. */
export interface Unusable {
  problems: ConfigProblem[];
  rest: PolicyPart | null;
}

const settingsKeys = ['vault', 'server', 'store', 'masterKey', 'anchors'];
const policyKeys = ['purposes', 'collections', 'roles', 'limits', 'audit'];

const label = (longest: number) =>
  z.string().regex(new RegExp(`^[a-z0-9-]{1,${longest}}$`), {
    error: `must be 1 to ${longest} of a to z, 0 to 9 and -`,
  });

const metrics = z.strictObject({
  host,
  port: port.default(7421),
  inClear: z.literal('accepted', 'must be accepted, or left out').nullable().default(null),
});

const server = z
  .strictObject({
    host,
    port: port.default(7420),
    tls: tls.optional(),
    proxy: proxy.optional(),
    metrics: metrics.optional(),
  })
  .check(({ value, issues }) => {
    if (value.metrics === undefined) return;
    const { host: at, port: on, inClear } = value.metrics;
    const refuse = (key: string, message: string) =>
      issues.push({ code: 'custom', message, path: ['metrics', key], input: null });
    if (!isLoopback(at) && inClear === null && value.tls === undefined) {
      refuse(
        'host',
        'off loopback, metrics would cross the network in clear: give server.tls, or say inClear: accepted, ' +
          'or listen on 127.0.0.1',
      );
    }
    if (on !== 0 && on === value.port) refuse('port', 'must be another port than server.port');
  })
  .check(notInClear('values'));

const settingsSchema = z.strictObject({
  vault: z.strictObject({ name: label(40), environment: label(32) }),
  server: server.prefault({}),
  store: storeSchema,
  masterKey: z.strictObject({
    provider: z.literal('file', 'must be file: other providers are not in this release'),
    path: filePath,
  }),
  anchors: anchorsSchema.default([]),
});

/**
 * Reads the text of strongroom.yaml: the settings checked, the policy set apart.
 * Relative paths are taken from `baseDir`, the folder of the file. Answers every problem of the settings at once.
 */
export function readConfig(text: string, baseDir: string): Config | Unusable {
  const read = readYaml(text);
  if ('problems' in read) return { problems: read.problems, rest: null };
  const { value, lineOf } = read;
  const parts = splitConfig(value);
  if (parts === null)
    return { problems: [problemAt([], 'the file must hold keys, as vault: {…}', lineOf)], rest: null };
  const parsed = settingsSchema.safeParse(parts.settings);
  const problems = [
    ...parts.unknown.map((key) => problemAt([key], 'unknown key', lineOf)),
    ...schemaProblems(parsed.error?.issues ?? [], read),
  ];
  if (!parsed.success || problems.length > 0) return { problems, rest: { policy: parts.policy, lineOf } };
  return { settings: settingsOf(parsed.data, baseDir), policy: parts.policy, lineOf };
}

/** Sets a file's top-level keys apart; null when there are none to set apart. */
function splitConfig(
  value: unknown,
): { settings: Record<string, unknown>; policy: Record<string, unknown>; unknown: string[] } | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const entries: [string, unknown][] = Object.entries(value);
  const known = [...settingsKeys, ...policyKeys];
  return {
    settings: Object.fromEntries(entries.filter(([key]) => settingsKeys.includes(key))),
    policy: Object.fromEntries(entries.filter(([key]) => policyKeys.includes(key))),
    unknown: entries.map(([key]) => key).filter((key) => !known.includes(key)),
  };
}

function settingsOf(parsed: z.infer<typeof settingsSchema>, baseDir: string): Settings {
  const { host: address, port: number, tls: files, proxy: behind, metrics: watched } = parsed.server;
  const at = (relative: string) => resolve(baseDir, relative);
  return {
    vault: parsed.vault,
    server: {
      host: address,
      port: number,
      tls: files === undefined ? null : { cert: at(files.cert), key: at(files.key) },
      proxy: behind ?? null,
      metrics: watched ?? null,
    },
    store: storeSettings(parsed.store, baseDir),
    masterKey: { provider: parsed.masterKey.provider, path: at(parsed.masterKey.path) },
    anchors: anchorSettings(parsed.anchors, baseDir),
  };
}
