/** What the host is asked to check of a log, and what it answers. */

/** Where a log is read from. */
export type LogPlace =
  | { readonly kind: 'config'; readonly config: string }
  | {
      readonly kind: 'store';
      readonly url: string;
      readonly passwordFile: string | null;
      /** A PEM file. */
      readonly ca: string | null;
    }
  | { readonly kind: 'tiles'; readonly dir: string }
  | { readonly kind: 'bundle'; readonly file: string }
  | { readonly kind: 'vault'; readonly url: string; readonly keyFile: string };

export interface LogCheckOptions {
  readonly from: LogPlace;
  /** A verifier key, or a file that holds one. */
  readonly key: string;
  /** The same of witnesses. */
  readonly witnesses: readonly string[];
  /** How many of them an anchor needs; all, unless said. */
  readonly quorum: number | null;
  /** Files, each a signed checkpoint. */
  readonly against: readonly string[];
}

export interface LogCheck {
  readonly findings: readonly {
    readonly about: string;
    readonly index: number | null;
    readonly problem: string;
  }[];
  readonly size: number;
  readonly root: string;
  readonly key: string;
  readonly cosigned: readonly string[];
  readonly anchored: number;
  readonly unsigned: number;
}

export interface ProofCheckOptions {
  /** What `audit prove` printed. */
  readonly file: string;
  readonly key: string;
  readonly witnesses: readonly string[];
  readonly quorum: number | null;
}

export interface ProofCheck {
  readonly index: number;
  readonly size: number;
  /** As it stands in the log. */
  readonly event: string;
  readonly cosigned: readonly string[];
  readonly isAnchored: boolean;
}

export interface BundleOptions {
  readonly from: Extract<LogPlace, { readonly kind: 'config' | 'vault' }>;
  /** A file, or with a slash at its end a folder. */
  readonly to: string;
}

export interface BundleReport {
  readonly to: string;
  readonly size: number;
  readonly bytes: number;
}
