import { onPostgres } from '../engine.ts';

onPostgres();
await import('../vault/overtaken.test.ts');
