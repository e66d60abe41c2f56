import { resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { filePath } from './file-path.ts';
import { host, notInClear, port, proxy, tls } from './listener.ts';
import { type ConfigProblem, type LineOf, schemaProblems } from './problem.ts';
import { readYaml } from './yaml.ts';

/** witness.yaml: the settings of a witness, which has no vault. Every path is absolute. */
export interface WitnessSettings {
  readonly key: string;
  readonly state: string;
  readonly server: {
    readonly host: string;
    /** 0 asks the system for a free one. */
    readonly port: number;
    readonly tls: { readonly cert: string; readonly key: string } | null;
    readonly proxy: { readonly addresses: readonly string[] } | null;
  };
  /** Verifier keys as C2SP signed-note writes them, not yet read. */
  readonly logs: readonly string[];
}

const server = z
  .strictObject({ host, port: port.default(7430), tls: tls.optional(), proxy: proxy.optional() })
  .check(notInClear('cosignatures'));

const schema = z.strictObject({
  key: filePath,
  state: filePath,
  server: server.prefault({}),
  logs: z
    .array(z.string('must be a verifier key').max(400, 'must be a verifier key'))
    .max(1000, 'a thousand logs at the most')
    .default([]),
});

/** Reads the text of witness.yaml; answers every problem at once. Relative paths are taken from `baseDir`. */
export function readWitnessConfig(
  text: string,
  baseDir: string,
): { readonly settings: WitnessSettings; readonly lineOf: LineOf } | { readonly problems: ConfigProblem[] } {
  const read = readYaml(text);
  if ('problems' in read) return read;
  const parsed = schema.safeParse(read.value);
  if (!parsed.success) return { problems: schemaProblems(parsed.error.issues, read) };
  const { key, state, logs, server: reached } = parsed.data;
  const at = (relative: string): string => resolve(baseDir, relative);
  const files = reached.tls === undefined ? null : { cert: at(reached.tls.cert), key: at(reached.tls.key) };
  const settings = {
    key: at(key),
    state: at(state),
    server: { host: reached.host, port: reached.port, tls: files, proxy: reached.proxy ?? null },
    logs,
  };
  return { settings, lineOf: read.lineOf };
}

/** The same text with one more log; comments and order stay as they are. @param text one that reads */
export function withLog(text: string, key: string): string {
  const document = parseDocument(text);
  const logs = document.get('logs');
  if (logs === undefined || logs === null) document.set('logs', document.createNode([key]));
  else document.addIn(['logs'], key);
  const list: unknown = document.get('logs');
  if (typeof list === 'object' && list !== null && 'flow' in list) list.flow = false;
  return document.toString({ lineWidth: 0 });
}
