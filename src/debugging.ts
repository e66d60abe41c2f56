/** How this process was started, as far as that can show its memory or its traffic to somebody. */
export interface Start {
  /** Node's own options on the command line. */
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where an inspector listens in this process; undefined if none does. */
  readonly inspector: string | undefined;
  /** Whether node is to write a report on a signal, an exception or a fatal error. */
  readonly reports: boolean;
}

/**
 * Options by which node or V8 opens the process to a debugger, writes its memory, environment or traffic to a file or the
 * terminal, or takes more options from a file. Node reads `_` as `-`, V8 takes one dash for two.
 */
const REFUSED =
  /^(?:inspect|debug-|heap-?snapshot|heap-prof|cpu-prof|prof(?:-|$)|ll-prof|perf-|log|report-|diagnostic-dir|abort-on-|tls-keylog|trace-tls|trace-event|experimental-[a-z-]*(?:inspection|config-file)|config-file)/;

/** Variables that do as much. */
const REFUSED_VARIABLES = ['NODE_V8_COVERAGE', 'NODE_DEBUG', 'NODE_DEBUG_NATIVE'];

/**
 * Why a process that was started so must not hold keys, or null. It keeps out what was left by mistake in a unit file, an
 * image or a shell; whoever may choose how the process is started may also replace it.
 */
export function debuggingFault({ options, env, inspector, reports }: Start): string | null {
  const onLine = options.find(isRefused);
  if (onLine !== undefined) return fault(`the option ${nameOf(onLine)}`);
  const inVariable = wordsOf(env['NODE_OPTIONS'] ?? '').find(isRefused);
  if (inVariable !== undefined) return fault(`${nameOf(inVariable)} in NODE_OPTIONS`);
  const variable = REFUSED_VARIABLES.find((name) => (env[name] ?? '') !== '');
  if (variable !== undefined) return fault(`the variable ${variable}`);
  if (inspector !== undefined) return fault('an inspector, which listens');
  return reports ? fault('diagnostic reports') : null;
}

const fault = (what: string): string =>
  `node runs with ${what}: that can show keys and values to whoever reads what it writes or connects to it. Start without it`;

/** The option as it was written, without its value. */
const nameOf = (option: string): string => option.split('=')[0] ?? '';

const isRefused = (option: string): boolean =>
  option.startsWith('-') && REFUSED.test(nameOf(option).replace(/^-+/, '').replaceAll('_', '-'));

/** Node takes quotes and backslashes in NODE_OPTIONS: without them every option in it is still found. */
const wordsOf = (text: string): readonly string[] => text.replaceAll(/["\\]/g, '').split(/\s+/);
