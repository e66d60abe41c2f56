import type { AddedClient, ChangedClient } from './access/manage.ts';
import type { CollectionSummary, Whoami } from './access/whoami.ts';
import type { LogReport } from './audit/verify.ts';
import type { AppliedRequest } from './policy/apply.ts';
import type { Comparison } from './policy/comparison.ts';
import type { Explanation } from './policy/explanation.ts';
import type { ShownPolicy } from './policy/review.ts';
import type { DetokeniseAnswer } from './values/detokenise.ts';
import type { TokeniseAnswer } from './values/tokenise.ts';
import type { AddClientRequest, ClientSummary, RevokeClientRequest } from '../wire/clients.ts';
import type {
  ApplyPolicyRequest,
  DiffPolicyRequest,
  ExplainClientRequest,
  ExplainRequest,
} from '../wire/policy.ts';
import type { DetokeniseRequest, TokeniseRequest } from '../wire/values.ts';

/**
 * A vault as one caller sees it: nouns with verbs, plain data in and out. On the host it is bound to the store, over
 * HTTP to a credential; both are this interface. A call that fails whole raises VaultError; an item that fails carries
 * its error in its place.
 */
export interface BoundVault {
  tokenise(request: TokeniseRequest, idempotencyKey?: string | null): Promise<TokeniseAnswer>;
  detokenise(request: DetokeniseRequest): Promise<DetokeniseAnswer>;
  collections(): Promise<{ readonly collections: readonly CollectionSummary[]; readonly requestId: string }>;
  whoami(): Promise<Whoami>;
  /** Why a call of the caller's own would be allowed or refused. */
  explain(request: ExplainRequest): Promise<Explanation & { readonly requestId: string }>;
  readonly clients: {
    add(request: AddClientRequest): Promise<AddedClient>;
    list(): Promise<{ readonly clients: readonly ClientSummary[]; readonly requestId: string }>;
    revoke(request: RevokeClientRequest): Promise<ChangedClient>;
  };
  readonly policy: {
    show(): Promise<ShownPolicy>;
    diff(request: DiffPolicyRequest): Promise<Comparison & { readonly requestId: string }>;
    apply(request: ApplyPolicyRequest): Promise<AppliedRequest>;
    explain(
      request: ExplainClientRequest,
    ): Promise<Explanation & { readonly client: string; readonly name: string; readonly requestId: string }>;
  };
  readonly audit: {
    verify(): Promise<LogReport & { readonly requestId: string }>;
  };
}
