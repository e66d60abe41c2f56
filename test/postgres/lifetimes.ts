import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
import { type Database, Databases } from './databases.ts';
import { type Proxy, proxyTo } from './proxy.ts';

/** One cluster for a test file: started before its tests, gone after them. */
export function clusterOfFile(options: ClusterOptions = {}): () => Cluster {
  let cluster: Cluster | null = null;
  beforeAll(async () => {
    cluster = await startCluster(options);
  });
  afterAll(async () => cluster?.end());
  return () => started(cluster);
}

/** A cluster for one test, to be broken by it. */
export async function clusterOfTest(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await startCluster(options);
  onTestFinished(() => cluster.end());
  return cluster;
}

/** A network in front of a server, for one test. */
export async function proxyOfTest(target: number): Promise<Proxy> {
  const proxy = await proxyTo(target);
  onTestFinished(() => proxy.close());
  return proxy;
}

/**
 * Databases for tests that only need a PostgreSQL: a cluster of the file's, or the server that the environment variable
 * STRONGROOM_TEST_POSTGRES_URL names, by a role that may make roles and databases there.
 */
export function databasesOfFile(): () => Promise<Database> {
  const outside = process.env['STRONGROOM_TEST_POSTGRES_URL'];
  if (outside === undefined || outside === '') {
    const cluster = clusterOfFile();
    return () => cluster().database();
  }
  const databases = new Databases(outside);
  afterAll(() => databases.drop());
  return () => databases.database();
}

function started(cluster: Cluster | null): Cluster {
  if (cluster === null) throw new Error('a cluster is there only within tests');
  return cluster;
}
