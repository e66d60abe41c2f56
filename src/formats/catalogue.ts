import { z } from 'zod';
import { abaRouting } from './aba-routing.ts';
import { accountNumber } from './account-number.ts';
import { alphanumeric } from './alphanumeric.ts';
import { credential } from './credential.ts';
import { digits } from './digits.ts';
import { email } from './email.ts';
import type { BoundFormat, Format, Problem } from './format.ts';
import { iban } from './iban.ts';
import { pan } from './pan.ts';
import { phone } from './phone.ts';
import { ssn } from './ssn.ts';
import { text } from './text.ts';
import { uuid } from './uuid.ts';

/** Every format under its name: the one list of them. */
export const formats = {
  pan,
  iban,
  'account-number': accountNumber,
  'aba-routing': abaRouting,
  ssn,
  phone,
  email,
  credential,
  uuid,
  digits,
  alphanumeric,
  text,
};

export type FormatName = keyof typeof formats;

// Object.keys does not say what it gives: these are the names above and no others.
export const FORMAT_NAMES = Object.keys(formats) as readonly FormatName[];

type OptionsOf = {
  readonly [Name in FormatName]: z.output<z.ZodObject<(typeof formats)[Name]['shape']>>;
};

/** The options of a collection, of whichever format it says. */
export type FormatOptions<Name extends FormatName = FormatName> = {
  [One in Name]: { readonly format: One } & OptionsOf[One];
}[Name];

// The same table as one mapped type, through which TypeScript follows a name to the options that go with it.
const byName: { readonly [Name in FormatName]: Format<OptionsOf[Name]> } = formats;

/** The format of a collection, bound to its options. */
export function bindOptions<Name extends FormatName>(
  options: FormatOptions<Name>,
  where: { readonly environment: string },
): BoundFormat {
  return byName[options.format].bind(options, where);
}

export function optionsProblems<Name extends FormatName>(options: FormatOptions<Name>): readonly Problem[] {
  return byName[options.format].problems(options);
}

/** The schema of a collection: `format` says which other keys it has besides those that all have. */
export function collectionSchema<Common extends z.ZodRawShape>(
  common: Common,
): z.ZodType<z.output<z.ZodObject<Common>> & FormatOptions> {
  const [first, ...rest] = FORMAT_NAMES.map((name) =>
    z.strictObject({ format: z.literal(name), ...common, ...formats[name].shape }),
  );
  if (first === undefined) throw new RangeError('a catalogue has formats');
  // A loop forgets which shape goes with which name; that is what FormatOptions says.
  return z.discriminatedUnion('format', [first, ...rest]) as unknown as z.ZodType<
    z.output<z.ZodObject<Common>> & FormatOptions
  >;
}
