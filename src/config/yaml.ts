import { isCollection, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument, Parser, visit } from 'yaml';
import type { Document, Node } from 'yaml';
import type { ConfigPath, ConfigProblem, LineOf } from './problem.ts';

export interface ReadYaml {
  value: unknown;
  lineOf: LineOf;
}

// Policies are a few hundred lines; the bounds keep a hostile text from costing memory or the stack.
const MAX_CHARACTERS = 1024 * 1024;
const MAX_DEPTH = 64;

const dialect = {
  version: '1.2',
  schema: 'core',
  merge: false,
  resolveKnownTags: false,
  uniqueKeys: true,
  stringKeys: true,
  prettyErrors: false,
  logLevel: 'error',
} as const;

// The parser's own messages quote the text, so only its codes are used.
const sentences: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'aliases are not supported: write the value out',
  DUPLICATE_KEY: 'this key is written twice',
  MULTIPLE_DOCS: 'a second document starts here: the file must hold one',
  TAB_AS_INDENT: 'indented with a tab: use spaces',
  BAD_INDENT: 'the indentation does not fit, or a bracket above is not closed',
  MISSING_CHAR: 'a character is missing: a quote, bracket, comma or colon',
  NON_STRING_KEY: 'keys must be plain text',
  TAG_RESOLVE_FAILED: 'tags are not supported',
};

/**
 * Reads one YAML 1.2 document, core schema: no aliases, merge keys, tags, or keys written twice.
 * Answers every problem of the text at once; it does not throw for anything in it.
 */
export function readYaml(text: string): ReadYaml | { problems: ConfigProblem[] } {
  const whole = (problem: string) => ({ problems: [{ line: null, path: '', problem }] });
  if (text.length > MAX_CHARACTERS) return whole('the file is larger than 1 MiB');
  if (isTooDeep(text)) return whole('nested too deeply');
  const lines = new LineCounter();
  const document = parseDocument(text, { ...dialect, lineCounter: lines });
  const found = [...faultsOf(document), ...forbiddenIn(document)];
  if (found.length > 0) return { problems: firstOfEachLine(found, lines) };
  return {
    value: document.toJS({ maxAliasCount: 0 }),
    lineOf: (path) => lineOfPath(document.contents, lines, path),
  };
}

// Composing recurses, and a text of brackets alone would exhaust the stack; this first pass does not.
function isTooDeep(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) return true;
  }
  return false;
}

interface Fault {
  /** Offset into the text. */
  at: number;
  problem: string;
}

function faultsOf(document: Document.Parsed): Fault[] {
  return [...document.errors, ...document.warnings].map((fault) => ({
    at: fault.pos[0],
    problem: sentences[fault.code] ?? 'this is not valid YAML',
  }));
}

function forbiddenIn(document: Document.Parsed): Fault[] {
  const found: Fault[] = [];
  const report = (node: Node, problem: string) => found.push({ at: node.range?.[0] ?? 0, problem });
  visit(document, {
    Alias(_, node) {
      report(node, 'aliases are not supported: write the value out');
    },
    Pair(_, pair) {
      // An object cannot carry this key faithfully, and nothing of ours is called so.
      if (isScalar(pair.key) && pair.key.value === '__proto__') report(pair.key, 'this key is not allowed');
    },
  });
  return found;
}

// One slip makes the parser complain several times about the same line; the first complaint is the slip.
function firstOfEachLine(found: readonly Fault[], lines: LineCounter): ConfigProblem[] {
  const byLine = new Map<number, ConfigProblem>();
  for (const { at, problem } of found.toSorted((a, b) => a.at - b.at)) {
    const { line } = lines.linePos(at);
    if (!byLine.has(line)) byLine.set(line, { line, path: '', problem });
  }
  return [...byLine.values()];
}

function lineOfPath(root: Node | null, lines: LineCounter, path: ConfigPath): number | null {
  let node: unknown = root;
  let at: number | null = null;
  for (const step of path) {
    let child: Node | null = null;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === String(step));
      if (pair === undefined || !isScalar(pair.key)) break;
      child = pair.key;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      child = isScalar(node) || isCollection(node) ? node : null;
    }
    if (child === null) break;
    at = child.range?.[0] ?? at;
  }
  return at === null ? null : lines.linePos(at).line;
}
