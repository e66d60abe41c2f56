import { expect, it } from 'vitest';
import { explain } from '../../src/explain.ts';
import { run } from '../../src/cli/program.ts';
import { textOf } from './documents.ts';

const page = textOf('docs/cli.md');

async function help(...argv: readonly string[]): Promise<string> {
  let said = '';
  const none = (): Promise<never> => Promise.reject(new Error('nothing is run'));
  await run(
    {
      argv: [...argv, '--help'],
      version: '0',
      now: () => 0,
      print: (text) => void (said += text),
      printError: (text) => void (said += text),
      init: none,
      serve: none,
      ready: none,
      migrate: none,
      backup: none,
      restore: none,
      archive: none,
      copyStore: none,
      reopenStore: none,
      checkLog: none,
      checkProof: none,
      bundle: none,
      doctor: none,
      witness: { init: none, trust: none, serve: none, show: none, forget: none },
      policyFile: () => expect.fail('nothing is read'),
      onHost: none,
      connect: () => expect.fail('nothing is asked'),
    },
    explain,
  );
  return said;
}

/** The verbs below a command, as its help lists them; `help` is commander's own. */
const verbsIn = (text: string): string[] =>
  [...(text.split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z][a-z-]*)/gm)]
    .map(([, verb]) => verb ?? '')
    .filter((verb) => verb !== 'help');

async function* commands(...noun: string[]): AsyncGenerator<{ command: string; text: string }> {
  const text = await help(...noun);
  const verbs = verbsIn(text);
  if (verbs.length === 0) yield { command: noun.join(' '), text };
  for (const verb of verbs) yield* commands(...noun, verb);
}

it('tells of each command and each option, and of no other', async () => {
  const [has, hasOptions] = [new Set<string>(), new Set<string>()];
  for await (const { command, text } of commands()) {
    has.add(command);
    for (const [option] of text.matchAll(/--[a-z][a-z-]+/g)) hasOptions.add(option);
  }
  expect(has.size).toBe(40);
  const told = [...page.matchAll(/^\| `([a-z]+(?: [a-z][a-z-]*)?)[ `]/gm)].map(([, command]) => command);
  expect(new Set(told)).toEqual(has);
  const options = [...page.matchAll(/--[a-z][a-z-]+/g)].map(([option]) => option);
  expect(new Set([...options, '--help'])).toEqual(hasOptions);
});
