import type { BoundVault } from '../vault/bound.ts';
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
}

/** What init made: sentences for the person who ran it. */
export interface InitReport {
  readonly created: boolean;
  readonly said: readonly string[];
}

/** A command that is refused: its sentence is for the person who gave it. Exit 1. */
export class CommandRefused extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'CommandRefused';
  }
}
