import { type Finding, finding } from './finding.ts';

export interface NodeVersions {
  /** `20.19.4` */
  readonly runs: string;
  /** As package.json has it: `>=20.19`. */
  readonly needs: string;
}

export function* nodeFindings({ runs, needs }: NodeVersions): Generator<Finding> {
  const [[major = 0, minor = 0], [leastMajor = 0, leastMinor = 0]] = [numbersOf(runs), numbersOf(needs)];
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  yield finding(
    'node-unsupported',
    `this is Node ${runs}, and Strongroom needs ${needs}: install a newer one.`,
  );
}

const numbersOf = (text: string): readonly number[] => [...text.matchAll(/\d+/g)].map(Number);
