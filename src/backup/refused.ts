/** Why a backup cannot be made or opened: a sentence for the operator, with nothing of what is in it. */
export class BackupRefused extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'BackupRefused';
  }
}
