import type { Command } from 'commander';
import { type Common, mustBeSafe, usage, withCommon } from './ask.ts';
import type { Host } from './host.ts';

/** `audit bundle`: a copy of the log for whoever verifies it. */
export function addAuditBundle(audit: Command, host: Host): void {
  withCommon(audit.command('bundle'))
    .description('copy the log up to its newest checkpoint, for audit verify --key somewhere else')
    .requiredOption(
      '--to <file>',
      'the file to make, or with a slash at its end the folder; it must not be there',
    )
    .action(async ({ config, url, keyFile, json, to }: Common & { readonly to: string }) => {
      if (url === undefined && keyFile !== undefined) throw usage('--key-file goes with --url');
      if (url !== undefined) mustBeSafe(url);
      if (url !== undefined && keyFile === undefined)
        throw usage('--url asks for --key-file FILE, which holds an API key');
      const made = await host.bundle({
        from:
          url === undefined || keyFile === undefined
            ? { kind: 'config', config }
            : { kind: 'vault', url, keyFile },
        to,
      });
      if (json) return host.print(JSON.stringify(made));
      host.print(`${made.to}: ${made.size} events, ${made.bytes} bytes`);
    });
}
