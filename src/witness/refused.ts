/** Why a witness cannot be used as it is: a sentence for who runs it, with nothing of its key. */
export class WitnessRefused extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'WitnessRefused';
  }
}
