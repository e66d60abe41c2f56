import { onTestFinished } from 'vitest';
import { type Served, startServe } from './served.ts';

/** Starts `strongroom serve`; killed after the test, whatever became of it. */
export async function serveProcess(configPath: string, env: NodeJS.ProcessEnv = {}): Promise<Served> {
  const served = await startServe(configPath, env);
  onTestFinished(async () => {
    await served.stop('SIGKILL');
  });
  return served;
}
