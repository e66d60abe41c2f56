import type { Format } from './format.ts';
import { pan } from './pan.ts';
import type { PanOptions } from './pan-options.ts';
import { text, type TextOptions } from './text.ts';

interface OptionsOf {
  pan: PanOptions;
  text: TextOptions;
}

export type FormatName = keyof OptionsOf;

export const FORMAT_NAMES = ['pan', 'text'] as const satisfies readonly FormatName[];

/** Each format under its name, with the type of its own shape. */
export const formats = { pan, text } satisfies { [Name in FormatName]: Format<OptionsOf[Name]> };

// The same table as one mapped type, through which TypeScript follows a name to the options that go with it.
const byName: { readonly [Name in FormatName]: Format<OptionsOf[Name]> } = formats;

/** The format of a collection: `formatOf(collection.format).bind(collection, { environment })`. */
export function formatOf<Name extends FormatName>(name: Name): Format<OptionsOf[Name]> {
  return byName[name];
}
