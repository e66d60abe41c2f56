import { onPostgres } from '../engine.ts';

onPostgres();
await import('../vault/round-trip.test.ts');
