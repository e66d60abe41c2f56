/** What each route takes: for the compiler, and as JSON schemas for Fastify. */

const name = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,31}$' } as const;
const keyId = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } as const;
const secret = { type: 'string', minLength: 16, maxLength: 4096 } as const;

const object = <Properties extends object>(properties: Properties) => ({
  type: 'object',
  required: Object.keys(properties),
  additionalProperties: false,
  properties,
});

export interface Named {
  readonly Params: { readonly name: string };
}
export const named = { params: object({ name }) };

export interface Register {
  readonly Body: { readonly name: string; readonly keyId: string; readonly secret: string };
}
export const register = { body: object({ name, keyId, secret }) };

export interface Refresh extends Named {
  readonly Body: { readonly keyId: string; readonly secret: string };
}
export const refresh = { ...named, body: object({ keyId, secret }) };
