import { onPostgres } from '../engine.ts';

onPostgres();
await import('../http/nul.test.ts');
