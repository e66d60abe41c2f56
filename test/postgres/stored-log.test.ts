import { onPostgres } from '../engine.ts';

onPostgres();
await import('../verifier/stored-log.test.ts');
