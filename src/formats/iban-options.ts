import { z } from 'zod';
import { endsShape, maskProblems } from './ends.ts';
import type { Problem } from './format.ts';
import { IBAN_COUNTRIES } from './iban-countries.ts';
import { payable, payableProblem } from './payable.ts';

export const ibanShape = {
  /** Whose IBANs are accepted; null is every country's. */
  countries: z
    .array(z.string().refine((code) => IBAN_COUNTRIES.has(code), 'must be a country with IBANs, as DE'))
    .refine((list) => list.length > 0, 'must name a country, as [DE, FR]')
    .nullable()
    .default(null),
  /** Whether a token's bank code is the value's. */
  bankCode: z.enum(['drawn', 'kept']).default('drawn'),
  checkDigits: z.enum(['unissued', 'issuable']).default('unissued'),
  mask: endsShape({ first: 4, last: 4 }, { first: 2, last: 4 }),
  payable,
} satisfies z.ZodRawShape;

export type IbanOptions = z.output<z.ZodObject<typeof ibanShape>>;

export function ibanProblems(options: IbanOptions): readonly Problem[] {
  const { countries, mask, checkDigits } = options;
  const lengths = (countries ?? [...IBAN_COUNTRIES.keys()]).map(
    (code) => 4 + (IBAN_COUNTRIES.get(code)?.kinds.length ?? 0),
  );
  const problems = maskProblems(mask, Math.min(...lengths));
  if (checkDigits === 'issuable' && options.payable === null) {
    problems.push(
      payableProblem(
        "a token with the right check digits could be somebody's account",
        'checkDigits: unissued, or payable: accepted',
      ),
    );
  }
  return problems;
}
