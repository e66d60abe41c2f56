import { onPostgres } from '../engine.ts';

onPostgres();
await import('../vault/history.test.ts');
