import { startCluster } from './cluster.ts';

/** A process that starts two servers, says which, and waits to be killed. */
const primary = await startCluster();
const standby = await primary.standby({ name: 'second', synchronous: true });
const told = {
  pids: [primary.pid, standby.pid],
  ports: [primary.port, standby.port],
  folders: [primary.folder, standby.folder],
};
process.stdout.write(`${JSON.stringify(told)}\n`);
