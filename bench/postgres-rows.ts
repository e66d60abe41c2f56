import type { Row } from './rows.ts';

/**
 * The vault on PostgreSQL beside what a team would write without it: values encrypted by pgcrypto in the database, inserted
 * and read over as many connections, with no HTTP, no decision and no audit log.
 */
export function postgresRows(connections: number): readonly Row[] {
  return [1, 100, 1000].flatMap((items) => rowsBy(items, connections));
}

function rowsBy(items: number, connections: number): readonly Row[] {
  const by = items === 1 ? '' : `-${items}`;
  const what = items === 1 ? 'one value' : `${items} values`;
  const plain = { items, connections, crowd: 0, goal: null };
  const vault = { ...plain, connections: items === 1 ? 64 : 16 };
  const beside = (of: string) => ({ kind: 'ratio', of, per: 'values', least: 1 }) as const;
  return [
    {
      ...plain,
      name: `pgcrypto-insert${by}`,
      meaning: `${what} a statement through pgp_sym_encrypt into a table with a random key: the yardstick`,
      target: 'pgcrypto',
      verb: 'tokenise',
    },
    {
      ...plain,
      name: `pgcrypto-read${by}`,
      meaning: `${what} a statement through pgp_sym_decrypt`,
      target: 'pgcrypto',
      verb: 'detokenise',
    },
    {
      ...plain,
      name: `aes-insert${by}`,
      meaning: `${what} a statement through pgcrypto's raw encrypt, which authenticates nothing`,
      target: 'aes',
      verb: 'tokenise',
    },
    {
      ...plain,
      name: `aes-read${by}`,
      meaning: `${what} a statement through its raw decrypt`,
      target: 'aes',
      verb: 'detokenise',
    },
    {
      ...vault,
      name: `tokenise${by}`,
      meaning: `${what} a request, over HTTP`,
      target: 'vault',
      verb: 'tokenise',
      goal: beside(`pgcrypto-insert${by}`),
    },
    {
      ...vault,
      name: `detokenise${by}`,
      meaning: `${items === 1 ? 'one token' : `${items} tokens`} a request, over HTTP, an event each durable first`,
      target: 'vault',
      verb: 'detokenise',
      goal: beside(`pgcrypto-read${by}`),
    },
    {
      ...vault,
      name: `tokenise-two${by}`,
      meaning: 'the same callers over two replicas',
      target: 'replicas',
      verb: 'tokenise',
      goal: beside(`tokenise${by}`),
    },
    {
      ...vault,
      name: `detokenise-two${by}`,
      meaning: 'the same callers over two replicas',
      target: 'replicas',
      verb: 'detokenise',
      goal: beside(`detokenise${by}`),
    },
  ];
}
