/** Every error code, its HTTP status and its one constant sentence (RFC 9457 `title`). Nothing else is ever said. */
const CODES = {
  invalid_request: { status: 400, title: 'The request does not have the shape that this route takes.' },
  unauthenticated: { status: 401, title: 'A valid API key is needed.' },
  insufficient_grant: { status: 403, title: 'The caller has no grant for this action.' },
  restricted: { status: 403, title: "The caller's grants are narrowed for now." },
  purpose_not_allowed: {
    status: 403,
    title: 'The purpose is not granted to the caller, or not one that the collection lists.',
  },
  consent_required: {
    status: 403,
    title: 'The purpose needs a consent of the subject that is not on record.',
  },
  approval_required: { status: 403, title: 'This needs an approval that is not on record.' },
  collection_not_found: { status: 404, title: 'There is no such collection for this caller.' },
  token_not_found: { status: 404, title: 'There is no such token.' },
  not_found: { status: 404, title: 'There is nothing here.' },
  method_not_allowed: { status: 405, title: 'This route does not take that method.' },
  conflict: { status: 409, title: 'The request conflicts with what is stored.' },
  already_token: { status: 409, title: 'The value is itself a token of this collection.' },
  token_ended: { status: 410, title: 'The token, or the version of it that was asked for, has ended.' },
  payload_too_large: { status: 413, title: 'The body is larger than this service takes.' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json.' },
  invalid_value: {
    status: 422,
    title: 'The value does not fit the format of its collection, or its expiry is past.',
  },
  not_supported: { status: 422, title: 'The collection does not keep what this asks for.' },
  invalid_policy: { status: 422, title: 'The policy cannot work; comparing it says why.' },
  value_in_clear: { status: 422, title: 'A clear field holds an account number or a card number.' },
  idempotency_mismatch: { status: 422, title: 'The Idempotency-Key was used before with another body.' },
  rate_limited: { status: 429, title: 'The caller has asked for as much as it may for now.' },
  internal: { status: 500, title: 'The service failed; nothing was revealed.' },
  integrity: {
    status: 503,
    title: 'Stored records do not authenticate; the vault has closed what relies on them.',
  },
  audit_unavailable: {
    status: 503,
    title: 'The audit record could not be made durable, so nothing was answered.',
  },
  unavailable: { status: 503, title: 'The service cannot take this now; try again.' },
  token_space_exhausted: { status: 507, title: 'The collection has no token left for a value like this.' },
} as const satisfies Record<string, { status: number; title: string }>;

export type Code = keyof typeof CODES;

export const CODE_NAMES = Object.keys(CODES) as [Code, ...Code[]];

/** HTTP status of a code. */
export const statusOf = (code: Code): number => CODES[code].status;

/** The constant sentence of a code. */
export const titleOf = (code: Code): string => CODES[code].title;

/** The stable URI of a code, as in RFC 9457 `type`. */
export const typeOf = (code: Code): string => `urn:strongroom:error:${code}`;
