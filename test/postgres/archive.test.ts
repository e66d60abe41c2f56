import { onPostgres } from '../engine.ts';

onPostgres();
await import('../archive/archive.test.ts');
