import { onPostgres } from '../engine.ts';

onPostgres();
await import('../attack/put-back.test.ts');
