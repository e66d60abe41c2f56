import { onPostgres } from '../engine.ts';

onPostgres();
await import('../attack/database-writer.test.ts');
