import { VaultError } from '../vault/error.ts';
import type { ItemError } from '../wire/shape.ts';
import { Refused } from './failure.ts';

/** What stands in the place of an item that failed. */
interface FailedItem {
  readonly error: ItemError;
}

const isFailed = (item: object): item is FailedItem => 'error' in item;
const isDone = <Item extends object>(item: Item): item is Exclude<Item, FailedItem> => !isFailed(item);

/**
 * What the item of a batch of one came to: `only(await vault.tokenise({ items: [item] })).token`.
 * @throws Refused with the item's error, as if the call had failed whole
 */
export function only<Item extends object>({
  items,
  requestId,
}: {
  readonly items: readonly Item[];
  readonly requestId: string;
}): Exclude<Item, FailedItem> {
  const [item] = items;
  if (item === undefined || items.length > 1) throw new VaultError('internal');
  if (isDone(item)) return item;
  if (isFailed(item)) throw new Refused({ ...item.error, requestId }, null);
  throw new VaultError('internal');
}
