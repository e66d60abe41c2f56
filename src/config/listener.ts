import { z } from 'zod';
import { isLoopback, subnetFault } from './address.ts';
import { filePath } from './file-path.ts';

/** Where a process listens, and how what it is sent is kept from others on the way: keys of `server`. */

export const host = z
  .string()
  .regex(/^[A-Za-z0-9.:-]{1,253}$/, 'must be an address or a host name')
  .default('127.0.0.1');

export const port = z
  .int('must be a whole number')
  .min(0, 'must be 0 to 65535')
  .max(65535, 'must be 0 to 65535');

export const tls = z.strictObject({ cert: filePath, key: filePath });

export const proxy = z.strictObject({
  addresses: z
    .array(
      z.string().check(({ value, issues }) => {
        const message = subnetFault(value);
        if (message !== null) issues.push({ code: 'custom', message, input: null });
      }),
    )
    .min(1, 'name at least one address'),
});

/** As much of `server` as tells who may read what crosses the network. */
interface Reached {
  readonly host: string;
  readonly tls?: object | undefined;
  readonly proxy?: object | undefined;
}

/** Refuses a listener off loopback that has neither TLS nor a proxy that ends it. @param what would be read on the way */
export const notInClear =
  (what: string) =>
  ({ value, issues }: { readonly value: Reached; readonly issues: z.core.$ZodRawIssue[] }): void => {
    if (isLoopback(value.host) || value.tls !== undefined || value.proxy !== undefined) return;
    const message =
      `off loopback, ${what} would cross the network in clear: give server.tls {cert, key}, ` +
      'or server.proxy {addresses} of the proxy that ends TLS, or listen on 127.0.0.1';
    issues.push({ code: 'custom', message, path: ['host'], input: null });
  };
