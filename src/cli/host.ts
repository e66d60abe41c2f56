import type { Archived } from '../vault/audit/archive.ts';
import type { LogFinding } from '../vault/audit/verify.ts';
import type { BoundVault } from '../vault/bound.ts';
import type { Inspection } from '../vault/inspection.ts';
import type {
  BundleOptions,
  BundleReport,
  LogCheck,
  LogCheckOptions,
  ProofCheck,
  ProofCheckOptions,
} from './log-check.ts';
import type { PolicyFile } from './policy-file.ts';

/** What only the host can do, handed to the commands: files, processes, the terminal. */
export interface Host {
  /** Words after the program's name. */
  readonly argv: readonly string[];
  /** As package.json has it. */
  readonly version: string;
  readonly now: () => number;
  print(text: string): void;
  printError(text: string): void;
  /** Makes a vault in a folder. */
  init(options: InitOptions): Promise<InitReport>;
  /** Serves until it is told to stop. */
  serve(configPath: string): Promise<void>;
  /** Refused unless the vault that these settings serve is ready. */
  ready(configPath: string): Promise<void>;
  /** Brings the tables of a store on PostgreSQL to this release. */
  migrate(options: MigrateOptions): Promise<MigrateReport>;
  /** Seals a copy of the store. */
  backup(options: BackupOptions): Promise<BackupReport>;
  /** Tries a backup, and puts it in the place of the store. */
  restore(options: RestoreOptions): Promise<RestoreReport>;
  /** Copies the log to a folder that keeps it. */
  archive(options: ArchiveOptions): Promise<ArchiveReport>;
  /** Moves the vault to another store. */
  copyStore(options: CopyOptions): Promise<CopyReport>;
  /** Opens a store again that was closed for a copy which has not come about. */
  reopenStore(configPath: string): Promise<void>;
  /** Verifies a log with nothing but a key of it. */
  checkLog(options: LogCheckOptions): Promise<LogCheck>;
  /** Verifies the proof of one event. */
  checkProof(options: ProofCheckOptions): Promise<ProofCheck>;
  /** Copies a log for whoever verifies it. */
  bundle(options: BundleOptions): Promise<BundleReport>;
  /** Looks for what is wrong with a vault on this host, and changes nothing. */
  doctor(configPath: string): Promise<DoctorReport>;
  /** A witness of logs, in a folder of its own: it has no vault. */
  readonly witness: WitnessHost;
  /** The policy of a file, with everything that is wrong or odd about it; no store is opened. */
  policyFile(configPath: string): PolicyFile;
  /** The vault of a store, bound to whoever runs the command; closed when `use` is done. */
  onHost<T>(configPath: string, use: (vault: BoundVault) => Promise<T>): Promise<T>;
  /** A running vault, as the client whose API key is in a file. */
  connect(url: string, keyFile: string): BoundVault;
}

export interface InitOptions {
  readonly dir: string;
  /** A folder that holds a vault already is left as it is, without an error. */
  readonly ifAbsent: boolean;
  /** Writes an API key for a first try, which expires in a day. */
  readonly firstKey: boolean;
  /** A database on PostgreSQL; null for a SQLite file in the folder. */
  readonly store: NewStore | null;
}

/** An empty database for a vault. */
export interface NewStore {
  readonly url: string;
  readonly passwordFile: string | null;
  /** A PEM file. */
  readonly ca: string | null;
  readonly by: Owner | null;
}

/** Who owns the tables, where that is not the role that serves; no settings name it. */
export interface Owner {
  readonly role: string;
  readonly passwordFile: string | null;
}

export interface MigrateOptions {
  readonly config: string;
  readonly by: Owner | null;
  /** Only tells. */
  readonly dryRun: boolean;
}

/** What was done, or with a dry run would be. */
export interface MigrateReport {
  readonly engine: 'sqlite' | 'postgres';
  readonly migrations: readonly { readonly name: string; readonly sql: readonly string[] }[];
  /** The role that serves, and the SQL of its rights; none where it owns the tables, or has them. */
  readonly role: string;
  readonly rights: readonly string[];
}

/** What init made: sentences for the person who ran it. */
export interface InitReport {
  readonly created: boolean;
  readonly said: readonly string[];
}

export interface BackupOptions {
  readonly config: string;
  /** The file to make. */
  readonly to: string;
  readonly recipients: readonly string[];
  readonly recipientsFile: string | null;
}

/** What a backup says of itself that a command tells. */
interface Told {
  readonly madeAt: string;
  readonly vault: { readonly id: string; readonly environment: string };
  readonly log: { readonly size: number; readonly root: string };
  readonly masterKeys: readonly string[];
  readonly recipients: readonly string[];
}

export interface BackupReport {
  readonly file: string;
  readonly bytes: number;
  readonly manifest: Told;
}

export interface RestoreOptions {
  readonly file: string;
  readonly config: string;
  /** A file of age secret keys. */
  readonly identity: string;
  /** Only try it. */
  readonly check: boolean;
}

export interface RestoreReport {
  readonly manifest: Told;
  readonly inspection: Inspection;
  /** Those of the inspection, and where the manifest says otherwise. */
  readonly findings: readonly LogFinding[];
  /** Where it was put; null if it was put nowhere. */
  readonly restored: string | null;
}

export interface ArchiveOptions {
  readonly config: string;
  /** The folder. */
  readonly to: string;
}

export interface ArchiveReport extends Archived {
  readonly folder: string;
}

export interface CopyOptions {
  readonly config: string;
  /** The settings with the store that the vault is to have. */
  readonly to: string;
}

/** What became of a move; places are an engine and a name. */
export interface CopyReport {
  readonly from: string;
  readonly to: string;
  /** The id of the copy, which both stores keep. */
  readonly copy: string;
  /** Whether the new store is the vault now. */
  readonly moved: boolean;
  /** Rows of each table, and what they came to when they were tried; null where the vault had been moved before. */
  readonly trial: {
    readonly tables: Readonly<Record<string, number>>;
    readonly inspection: Inspection;
  } | null;
  /** Those of the trial, and what is not the same in both stores. */
  readonly findings: readonly LogFinding[];
}

/** What doctor found, and what it could not look at. */
export interface DoctorReport {
  readonly findings: readonly {
    readonly id: string;
    readonly severity: 'error' | 'warning';
    readonly sentence: string;
  }[];
  /** Each a phrase that ends with why. */
  readonly unchecked: readonly string[];
}

/** What a witness is asked on its host. */
export interface WitnessHost {
  /** Makes one; returns its verifier key. */
  init(dir: string, name: string): Promise<string>;
  /** Takes checkpoints under one more key. */
  trust(dir: string, key: string): Promise<{ readonly origin: string; readonly keys: number }>;
  /** Serves until it is told to stop. */
  serve(dir: string): Promise<void>;
  show(dir: string): Promise<WitnessReport>;
  /** Lets go what was seen of a log, and keeps that it was. Returns the size that is forgotten. */
  forget(dir: string, origin: string, reason: string): Promise<number>;
}

/** What a witness has seen. Times are milliseconds since 1970, roots base64. */
export interface WitnessReport {
  /** Its verifier key. */
  readonly key: string;
  readonly logs: readonly {
    readonly origin: string;
    /** Under how many keys its checkpoints are taken; 0 for a log that is trusted no more. */
    readonly keys: number;
    readonly newest: {
      readonly size: number;
      readonly root: string;
      readonly at: number;
      readonly checkpoint: string;
    } | null;
  }[];
  readonly past: readonly {
    readonly what: 'forgotten' | 'contradiction' | 'unproven';
    readonly origin: string;
    readonly size: number;
    readonly root: string;
    readonly at: number;
    readonly checkpoint: string;
    readonly reason: string;
  }[];
}
