/** A test that the threat model names. */
export interface PromiseTest {
  readonly number: number;
  readonly file: string;
  /** As the test or its group is called in its file: `%s` stands for a parameter. */
  readonly name: string;
}

/** The numbered tests below the table of docs/threat-model.md. */
export const promiseTests = (model: string): PromiseTest[] =>
  [...model.matchAll(/^(\d+)\. `([^`]+)`: (.+)$/gm)].map(([, number, file = '', name = '']) => ({
    number: Number(number),
    file,
    name,
  }));
