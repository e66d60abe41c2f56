import type { Command } from 'commander';
import type { LogReport } from '../vault/audit/verify.ts';
import { ask, type Common, mustBeSafe, usage, withCommon } from './ask.ts';
import type { Host } from './host.ts';
import type { LogCheck, LogPlace, ProofCheck } from './log-check.ts';
import { counted, printable, table } from './table.ts';

interface VerifyArguments extends Common {
  readonly key?: string;
  readonly store?: string;
  readonly passwordFile?: string;
  readonly ca?: string;
  readonly tiles?: string;
  readonly bundle?: string;
  readonly proof?: string;
  readonly against: readonly string[];
  readonly witness: readonly string[];
  readonly witnesses?: string;
}

const collect = (one: string, all: readonly string[]): readonly string[] => [...all, one];

/** The log is as it was signed, and from some index on nothing outside shows it. */
const UNANCHORED = 3;

/** `audit verify`: of a vault, with its master key; or of a log alone, by nothing but the key that it signs with. */
export function addAuditVerify(audit: Command, host: Host, outcome: { code: number }): void {
  withCommon(audit.command('verify'))
    .description('recompute the log from its bytes and hold every row against it; with --key, the log alone')
    .option('--key <key>', 'a verifier key of the log, or a file that holds it: no vault is opened')
    .option('--store <url>', 'with --key: the log in a store, as settings name it')
    .option('--password-file <file>', 'with --store: a file with the password of its role')
    .option('--ca <file>', 'with --store: a PEM file of authorities')
    .option('--tiles <dir>', 'with --key: a log in the layout of C2SP tlog-tiles')
    .option('--bundle <file>', 'with --key: what audit bundle made')
    .option('--proof <file>', 'with --key: one event, as audit prove printed it')
    .option('--against <file>', 'a signed checkpoint that the log must continue; repeatable', collect, [])
    .option(
      '--witness <key>',
      'a verifier key of a witness, or a file that holds it; repeatable',
      collect,
      [],
    )
    .option('--witnesses <n>', 'how many of them must have cosigned; all of them unless said')
    .action(async (options: VerifyArguments) => {
      if (options.proof !== undefined) return verifyProof(host, outcome, options, options.proof);
      if (options.key !== undefined) return verifyAlone(host, outcome, options, options.key);
      return verifyVault(host, outcome, options);
    });
}

async function verifyVault(host: Host, outcome: { code: number }, options: VerifyArguments): Promise<void> {
  const { json, against, witness } = options;
  if (placesIn(options).length > 0 || options.passwordFile !== undefined || options.ca !== undefined)
    throw usage('a log that is read by itself asks for --key, its verifier key from somewhere else');
  const isHeld = against.length > 0 || witness.length > 0;
  if (isHeld && options.url !== undefined) throw usage('--against and --witness with --url ask for --key');
  const report = await ask(host, options, async (vault) => ({
    ...(await vault.audit.verify()),
    key: isHeld ? (await vault.audit.key()).key : '',
  }));
  const { key, size, root, rows } = report;
  const from: LogPlace = { kind: 'config', config: options.config };
  const check = isHeld ? await host.checkLog({ from, key, ...pinsOf(options) }) : null;
  const findings = [
    ...report.findings,
    ...(check?.findings ?? []).map(({ about, index, problem }) => ({ table: about, index, problem })),
  ];
  const ok = findings.length === 0;
  const { cosigned = [], anchored = size } = witness.length > 0 && check !== null ? check : {};
  const isAnchored = check === null || witness.length === 0 || anchored >= check.size;
  outcome.code = ok ? (isAnchored ? 0 : UNANCHORED) : 1;
  if (json)
    return host.print(
      JSON.stringify({ ok, size, root, rows, findings, ...(check === null ? {} : { cosigned, anchored }) }),
    );
  host.print(printable(`${counted(size, 'event')}, ${counted(rows, 'token')}, root ${root}`));
  if (!ok) return host.print(told('TABLE', findings));
  host.print('The log is whole, and every row agrees with it.');
  if (!isAnchored) host.print(`consistent, unanchored from index ${anchored}`);
}

async function verifyAlone(
  host: Host,
  outcome: { code: number },
  options: VerifyArguments,
  key: string,
): Promise<void> {
  const places = placesIn(options);
  const [from] = places;
  if (from === undefined || places.length > 1)
    throw usage('--key asks for one of --store, --tiles, --bundle, or --url with --key-file');
  if (from.kind !== 'store' && (options.passwordFile !== undefined || options.ca !== undefined))
    throw usage('--password-file and --ca go with --store');
  const check = await host.checkLog({ from, key, ...pinsOf(options) });
  const ok = check.findings.length === 0;
  outcome.code = ok ? (check.anchored >= check.size ? 0 : UNANCHORED) : 1;
  if (options.json) return host.print(JSON.stringify({ ok, ...check }));
  for (const line of linesOf(check)) host.print(line);
}

function linesOf({ findings, size, root, key, cosigned, anchored, unsigned }: LogCheck): string[] {
  const lines = [`${counted(size, 'event')}, root ${root}`, printable(`signed by ${key}`)];
  if (cosigned.length > 0) lines.push(printable(`cosigned by ${cosigned.join(', ')}`));
  if (unsigned > 0) lines.push(`${counted(unsigned, 'event')} after it: no checkpoint covers them yet`);
  if (findings.length > 0)
    return [
      ...lines,
      told(
        'ABOUT',
        findings.map(({ about, ...rest }) => ({ table: about, ...rest })),
      ),
    ];
  return [
    ...lines,
    anchored >= size ? 'The log is whole and anchored.' : `consistent, unanchored from index ${anchored}`,
  ];
}

async function verifyProof(
  host: Host,
  outcome: { code: number },
  options: VerifyArguments,
  file: string,
): Promise<void> {
  const { key, against, json } = options;
  if (key === undefined) throw usage('--proof asks for --key, the verifier key of the log');
  if (placesIn(options).length > 0 || against.length > 0)
    throw usage('--proof is checked by itself: no log is read for it');
  const { witnesses, quorum } = pinsOf(options);
  const proof = await host.checkProof({ file, key, witnesses, quorum });
  outcome.code = proof.isAnchored ? 0 : UNANCHORED;
  if (json) return host.print(JSON.stringify(proof));
  for (const line of proofLines(proof)) host.print(printable(line));
}

function proofLines({ event, index, size, cosigned, isAnchored }: ProofCheck): string[] {
  const lines = [event, `event ${index} of a log of ${size} events, which the key signed`];
  if (cosigned.length > 0) lines.push(`cosigned by ${cosigned.join(', ')}`);
  return isAnchored ? lines : [...lines, 'too few of the witnesses cosigned it'];
}

function placesIn({
  store,
  passwordFile,
  ca,
  tiles,
  bundle,
  url,
  keyFile,
  key,
}: VerifyArguments): LogPlace[] {
  const places: LogPlace[] = [];
  if (store !== undefined)
    places.push({ kind: 'store', url: store, passwordFile: passwordFile ?? null, ca: ca ?? null });
  if (tiles !== undefined) places.push({ kind: 'tiles', dir: tiles });
  if (bundle !== undefined) places.push({ kind: 'bundle', file: bundle });
  if (key !== undefined && url !== undefined) {
    mustBeSafe(url);
    if (keyFile === undefined) throw usage('--url asks for --key-file FILE, which holds an API key');
    places.push({ kind: 'vault', url, keyFile });
  }
  return places;
}

function pinsOf({ against, witness, witnesses }: VerifyArguments) {
  const quorum = witnesses === undefined ? null : /^[1-9]\d?$/.test(witnesses) ? Number(witnesses) : 0;
  if (quorum !== null && (quorum === 0 || quorum > witness.length))
    throw usage('--witnesses is a number from 1 to how many --witness there are');
  return { against, witnesses: witness, quorum };
}

const told = (first: string, findings: LogReport['findings']): string =>
  table(
    [first, 'EVENT', 'FINDING'],
    findings.map(({ table: name, index, problem }) => [name, index === null ? '' : String(index), problem]),
  );
