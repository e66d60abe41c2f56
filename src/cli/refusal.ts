/** A command that is refused: its sentence is for the person who gave it. Exit 1. */
export class CommandRefused extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'CommandRefused';
  }
}

/** One thing wrong, or odd, with a file. `path` is keys and indexes joined by dots; a null line is the whole file. */
export interface FileProblem {
  readonly line: number | null;
  readonly path: string;
  readonly problem: string;
}

/** The refusal of a file: a line for each problem, with the line of the file that it is in. */
export const refusal = (path: string, problems: readonly FileProblem[]): CommandRefused =>
  new CommandRefused([`${path} cannot be used:`, ...problems.map((one) => `  ${lineOf(one)}`)].join('\n'));

/** A problem on one line. */
export function lineOf({ line, path, problem }: FileProblem): string {
  const where = line === null ? '' : `line ${line}: `;
  return `${where}${path === '' ? '' : `${path}: `}${problem}`;
}
