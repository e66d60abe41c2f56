import type { ChangedClient } from './access/change.ts';
import type { AddedClient } from './access/manage.ts';
import type { RotatedClient } from './access/rotate.ts';
import type { ListedClients, ShownClient } from './access/show.ts';
import type { CollectionSummary, Whoami } from './access/whoami.ts';
import type { EventProof, LogKey, NewestCheckpoint } from './audit/published.ts';
import type { EventPage } from './audit/events.ts';
import type { RotatedLogKey } from './audit/rotate-key.ts';
import type { LogReport } from './audit/verify.ts';
import type { DescribeAnswer } from './values/describe.ts';
import type { DetokeniseAnswer, MaskAnswer } from './values/reveal.ts';
import type { EraseAnswer } from './values/erase.ts';
import type { LookupAnswer } from './values/lookup.ts';
import type { ReplaceAnswer } from './values/replace.ts';
import type { TokeniseAnswer } from './values/tokenise.ts';
import type { VerifyAnswer } from './values/verify.ts';
import type {
  DescribeRequest,
  DetokeniseRequest,
  EraseRequest,
  LookupRequest,
  ReplaceRequest,
  TokeniseRequest,
  VerifyRequest,
} from '../wire/values.ts';
import type {
  AddClientRequest,
  AdmitClientRequest,
  ExpireClientRequest,
  LiftClientRequest,
  RestrictClientRequest,
  ResumeClientRequest,
  RetireClientRequest,
  RevokeClientRequest,
  RotateClientRequest,
  ShowClientRequest,
  SuspendClientRequest,
} from '../wire/clients.ts';
import type { NewestCheckpointRequest, ProveEventRequest, ReadEventsRequest } from '../wire/audit.ts';
import type { AppliedRequest } from './policy/apply.ts';
import type { Comparison } from './policy/comparison.ts';
import type { Explanation } from './policy/explanation.ts';
import type { ShownPolicy } from './policy/review.ts';
import type {
  ApplyPolicyRequest,
  DiffPolicyRequest,
  ExplainClientRequest,
  ExplainRequest,
} from '../wire/policy.ts';

/**
 * A vault as one caller sees it: nouns with verbs, plain data in and out. On the host it is bound to the store, over
 * HTTP to a credential; both are this interface. A call that fails whole raises VaultError; an item that fails carries
 * its error in its place.
 */
export interface BoundVault {
  tokenise(request: TokeniseRequest, idempotencyKey?: string | null): Promise<TokeniseAnswer>;
  detokenise(request: DetokeniseRequest): Promise<DetokeniseAnswer>;
  mask(request: DetokeniseRequest): Promise<MaskAnswer>;
  verify(request: VerifyRequest): Promise<VerifyAnswer>;
  replace(request: ReplaceRequest, idempotencyKey?: string | null): Promise<ReplaceAnswer>;
  lookup(request: LookupRequest): Promise<LookupAnswer>;
  describe(request: DescribeRequest): Promise<DescribeAnswer>;
  erase(request: EraseRequest, idempotencyKey?: string | null): Promise<EraseAnswer>;
  collections(): Promise<{ readonly collections: readonly CollectionSummary[]; readonly requestId: string }>;
  whoami(): Promise<Whoami>;
  /** Why a call of the caller's own would be allowed or refused. */
  explain(request: ExplainRequest): Promise<Explanation & { readonly requestId: string }>;
  readonly clients: {
    add(request: AddClientRequest, idempotencyKey?: string | null): Promise<AddedClient>;
    list(): Promise<ListedClients>;
    show(request: ShowClientRequest): Promise<ShownClient>;
    rotate(request: RotateClientRequest, idempotencyKey?: string | null): Promise<RotatedClient>;
    retire(request: RetireClientRequest, idempotencyKey?: string | null): Promise<ChangedClient>;
    suspend(request: SuspendClientRequest, idempotencyKey?: string | null): Promise<ChangedClient>;
    resume(request: ResumeClientRequest, idempotencyKey?: string | null): Promise<ChangedClient>;
    restrict(request: RestrictClientRequest, idempotencyKey?: string | null): Promise<ChangedClient>;
    lift(request: LiftClientRequest, idempotencyKey?: string | null): Promise<ChangedClient>;
    expire(request: ExpireClientRequest, idempotencyKey?: string | null): Promise<ChangedClient>;
    admit(request: AdmitClientRequest, idempotencyKey?: string | null): Promise<ChangedClient>;
    revoke(request: RevokeClientRequest, idempotencyKey?: string | null): Promise<ChangedClient>;
  };
  readonly policy: {
    show(): Promise<ShownPolicy>;
    diff(request: DiffPolicyRequest): Promise<Comparison & { readonly requestId: string }>;
    apply(request: ApplyPolicyRequest, idempotencyKey?: string | null): Promise<AppliedRequest>;
    explain(
      request: ExplainClientRequest,
    ): Promise<Explanation & { readonly client: string; readonly name: string; readonly requestId: string }>;
  };
  readonly audit: {
    verify(): Promise<LogReport & { readonly requestId: string }>;
    key(): Promise<LogKey>;
    /** A custodian's act: a new key signs whatever covers the event of it. */
    rotateKey(): Promise<RotatedLogKey>;
    /** `not_found` before the first: with `cosigned`, before a witness has signed one. */
    checkpoint(request?: NewestCheckpointRequest): Promise<NewestCheckpoint>;
    /** A page of the events that the caller's grants of `audit` cover. */
    events(request: ReadEventsRequest): Promise<EventPage>;
    prove(request: ProveEventRequest): Promise<EventProof>;
  };
}
