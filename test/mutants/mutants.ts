/** One text of the source in place of another. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A mechanism taken out: the promise's test, by its number in the threat model, must fail. */
export interface Mutant {
  readonly promise: number;
  readonly without: string;
  readonly edits: readonly Edit[];
}

const one = (promise: number, without: string, file: string, from: string, to: string): Mutant => ({
  promise,
  without,
  edits: [{ file, from, to }],
});

/** At least one for each promise in docs/threat-model.md. Each compiles; each `from` stands once in its file. */
export const MUTANTS: readonly Mutant[] = [
  one(
    1,
    'the refusal to listen in clear off loopback',
    'src/config/settings.ts',
    'if (isLoopback(value.host) ||',
    "if (isLoopback(value.host) || value.host !== '' ||",
  ),
  one(
    2,
    'the refusal of a proxy at every address',
    'src/config/address.ts',
    'Number(bits) === 0 ?',
    'Number(bits) < 0 ?',
  ),
  one(
    3,
    "the compare of an API key's hash",
    'src/vault/access/clients.ts',
    'if (!matches || holder === null) return null;',
    'if ((!matches && hash.length === 0) || holder === null) return null;',
  ),
  one(
    4,
    'the check of the purpose',
    'src/vault/policy/decide.ts',
    'boolean => needsPurpose(action);',
    "boolean => needsPurpose(action) && action !== 'detokenise';",
  ),
  one(
    5,
    'the one uniqueness of tokens and fingerprints',
    'src/store/sqlite-writer.ts',
    'inserts[table].run(row) === 1',
    'inserts[table].run(row) >= 0',
  ),
  {
    promise: 6,
    without: 'the sync before a commit is durable',
    edits: [
      {
        file: 'src/store/sqlite-connection.ts',
        from: "db.pragma('synchronous = FULL')",
        to: "db.pragma('synchronous = NORMAL')",
      },
      { file: 'src/store/sqlite-connection.ts', from: 'settings[1] === 2', to: 'settings[1] === 1' },
    ],
  },
  one(
    7,
    'the epoch as a precondition',
    'src/vault/commit/transaction.ts',
    '(raised || commit.epoch !== head.epoch)',
    '(raised || commit.epoch > head.epoch)',
  ),
  one(
    8,
    "the collection in a grant's pattern",
    'src/vault/policy/decide.ts',
    'grants.filter((grant) => covers(grant.pattern, collection.name))',
    "grants.filter((grant) => covers('*', grant.pattern) || collection.name === '')",
  ),
  one(
    9,
    'the pattern in place of the path in a log line',
    'src/http/app.ts',
    "allow === null ? '*' : req.path",
    'req.path',
  ),
  one(
    9,
    'the bound on what a problem repeats',
    'src/http/body.ts',
    'at.properties[part];\n    else break;',
    'at.properties[part];',
  ),
  one(
    10,
    'the refusal where a consent would be needed',
    'src/vault/policy/decide.ts',
    "basis === 'consent'",
    "basis === 'vital-interests'",
  ),
  one(
    11,
    "the expiry of a token's value",
    'src/vault/values/stored.ts',
    "now >= value.expiresAt ? 'ended'",
    "now < 0 ? 'ended'",
  ),
  {
    promise: 12,
    without: 'the token and the row in what a cell is bound to',
    edits: [
      { file: 'src/crypto/cell.ts', from: 'binding.token,', to: "''," },
      { file: 'src/crypto/cell.ts', from: 'binding.row,', to: 'null,' },
    ],
  },
  one(12, 'the subject in what a cell is bound to', 'src/crypto/cell.ts', 'binding.subjectId,', 'null,'),
  one(
    13,
    'the MAC of a row that grants power',
    'src/vault/custody/authority.ts',
    '(isAuthentic(rowsKey, table, row) ? rows : foreign)',
    '(isAuthentic(rowsKey, table, row) || true ? rows : foreign)',
  ),
  one(14, 'the expiry in what a cell is bound to', 'src/crypto/cell.ts', 'binding.expiresAt,', 'null,'),
  one(
    15,
    'the compare of a found value with the wanted one',
    'src/vault/values/known.ts',
    'return authentic && opened === normal && value.subject === subject;',
    'return !authentic || opened !== null || (normal === subject && value.subject === null);',
  ),
  one(
    16,
    "the compare of the log's root with the head's",
    'src/log/verify.ts',
    'Buffer.compare(computed, expected.root) === 0',
    'computed.length === expected.root.length',
  ),
  one(
    16,
    'the reconciliation of rows with events',
    'src/vault/audit/reconcile.ts',
    'for (const index of history.left())',
    'for (const index of [...history.left()].slice(0, 0))',
  ),
  one(
    17,
    "the digest of a table in the log's head",
    'src/vault/custody/authority.ts',
    'equalBytes(digestRows(rows), digestOf(digests, table))',
    '(equalBytes(digestRows(rows), digestOf(digests, table)) || rows.length >= 0)',
  ),
  one(
    18,
    'the context that a wrapped key is bound to',
    'src/masterkey/file.ts',
    'SUITE, id, context)',
    'SUITE, id, context.subarray(0, 0))',
  ),
  one(
    19,
    'the refusal to answer what could not be recorded',
    'src/vault/call.ts',
    'if (error instanceof StoreFailure) throw new VaultError(failing, null, error);',
    "if (error instanceof StoreFailure) return { at: 0, first: failing === 'unavailable' ? 0 : 1 };",
  ),
  one(
    20,
    'the event of a reveal',
    'src/vault/values/show.ts',
    'drafts: inOrder(sought),',
    'drafts: inOrder(sought).slice(1),',
  ),
  one(
    21,
    'the exclusion of kinds from one another',
    'src/vault/policy/grant.ts',
    'kindOf(grant) === kind;',
    "kindOf(grant) === kind || kind !== 'auditor' || true;",
  ),
  {
    promise: 22,
    without: 'the collection in which a token is looked for',
    edits: [
      {
        file: 'src/vault/values/token.ts',
        from: "'strongroom/issued/v1', collection, token)",
        to: "'strongroom/issued/v1', collection.slice(0, 4), token)",
      },
      {
        file: 'src/store/reads.ts',
        from: 'v."row" = i."row" where i."collection" = ?',
        to: 'v."row" = i."row" where i."collection" >= substr(?, 1, 4)',
      },
    ],
  },
  one(
    23,
    'the expiry of an API key',
    'src/vault/access/clients.ts',
    'now >= client.row.expiresAt)',
    'now < 0)',
  ),
  one(
    24,
    'the event of an added client',
    'src/vault/access/manage.ts',
    'part: { inserts, drafts }',
    'part: { inserts, drafts: drafts.slice(1) }',
  ),
  one(25, 'the row in what a cell is bound to', 'src/crypto/cell.ts', 'binding.row,', 'null,'),
  one(
    26,
    "the token's hash in what an event says of its rows",
    'src/vault/audit/row-set.ts',
    'rows.flatMap(({ row, hash }) => [row, hash])',
    'rows.flatMap(({ row, hash }) => [row, hash.subarray(0, 0)])',
  ),
  one(
    27,
    'the clock at each try of a commit',
    'src/vault/commit/transaction.ts',
    'const at = Math.max(now(), head.lastAt);',
    'const at = Math.max(now() - 3_600_000, head.lastAt);',
  ),
  one(
    28,
    'the end of acknowledging after an I/O error',
    'src/vault/commit/queue.ts',
    'if (this.#broken !== null) throw this.#broken;',
    'if (this.#broken !== null && group.length > 1) throw this.#broken;',
  ),
  one(
    29,
    'the epoch under which a refusal is decided',
    'src/vault/attempt.ts',
    'if (told === null) return null;',
    'if (told === null) throw error;',
  ),
  one(
    30,
    "the refusal of node's options that show memory",
    'src/debugging.ts',
    'const onLine = options.find(isRefused);',
    'const onLine = options.slice(9).find(isRefused);',
  ),
  one(
    31,
    'the seal of a backup',
    'src/backup/age.ts',
    'seal: (plain) => encrypter.encrypt(streamOf(plain)),',
    'seal: (plain) => encrypter.encrypt(streamOf(plain)).then(() => plain),',
  ),
  one(
    32,
    'the look at the schema of what is restored',
    'src/store/sqlite-copy.ts',
    'schemaOf(stored) === schemaOf(made)',
    "schemaOf(stored) !== ''",
  ),
  one(
    33,
    'the subnets of a client',
    'src/vault/access/clients.ts',
    'client.sources !== null && admits(client.sources, from)',
    'client.sources !== null || admits([], from)',
  ),
  one(
    34,
    'the end of a key in what a commit relies on',
    'src/vault/access/clients.ts',
    '[client.row.expiresAt, key.until].filter(',
    '[client.row.expiresAt].filter(',
  ),
  one(
    35,
    'what a restriction takes away',
    'src/vault/access/clients.ts',
    'until === null || now < until)',
    'until !== null && now < until)',
  ),
  one(
    36,
    'what stays of an erased token',
    'src/store/sqlite-writer.ts',
    `update "issued" set "ended" = ? where "collection"`,
    `delete from "issued" where ? > 0 and "collection"`,
  ),
  one(
    37,
    'the look at what was relied on',
    'src/vault/commit/transaction.ts',
    '(commit.changes === head.changes ? [] : commit.relied)',
    '(commit.changes === head.changes ? [] : commit.relied.slice(0, 0))',
  ),
  one(
    38,
    'that a version alone decides on an ending',
    'src/store/sqlite-writer.ts',
    'endIssued.run(at, collection, hash, row);\n        return true;',
    'return endIssued.run(at, collection, hash, row).changes === 1;',
  ),
  one(
    39,
    'the opening of what is ended',
    'src/vault/values/print.ts',
    'const normal = openValue(keys,',
    "const normal = printing.prints === null ? '' : openValue(keys,",
  ),
  one(
    40,
    'the one answer for all that is not there',
    'src/vault/policy/decide.ts',
    "found.mayDescribe ? reason : 'token_not_found'",
    "found.mayDescribe || reason === 'consent_required' ? reason : 'token_not_found'",
  ),
  one(
    40,
    'the read for what is not there',
    'src/vault/values/seek.ts',
    'if (group.every(({ version }) => version === null)) return [];',
    'if (found.every((one) => one === null)) return [];',
  ),
  one(
    41,
    'the subject that nobody is',
    'src/vault/values/lookup.ts',
    '(ids.get(subject) ?? NOBODY)',
    '(ids.get(subject) ?? null)',
  ),
  one(
    42,
    'the version that an earlier one must be before',
    'src/vault/values/seek.ts',
    'version + 1 === row?.version;',
    'version !== row?.version;',
  ),
  one(
    42,
    'the version that the log says',
    'src/vault/audit/reconcile.ts',
    'if (value.version !== version)',
    'if (value.version < 0)',
  ),
];
