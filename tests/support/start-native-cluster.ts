/** A control centre reduced to its native cluster: started by tests as a process of its own, to be killed or to run as somebody else. */
import { createNativeCluster } from '../../control/cluster/native/native-cluster.ts';

const [dataDir, whatThen] = process.argv.slice(2);
if (!dataDir) throw new Error('usage: start-native-cluster <data folder> [stop]');
const tell = (text: string) => process.stdout.write(`${text}\n`);
const cluster = createNativeCluster({
  dataDir,
  events: {
    onStep: ({ id, state, detail }) =>
      tell(`step ${id} ${state} ${state === 'failed' ? (detail ?? '') : ''}`),
    onBackend: ({ role, state }) => tell(`backend ${role} ${state}`),
    onLog: () => undefined,
  },
});
await cluster.start(AbortSignal.timeout(60_000));
tell('started');
if (whatThen === 'stop') {
  await cluster.stop();
  tell('stopped');
}
