import { onPostgres } from '../engine.ts';

onPostgres();
await import('../vault/verbs.test.ts');
